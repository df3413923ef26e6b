"""The science room: media -> branches -> fusion -> result, usable without the site.

May import: nothing of Django and none of the apps.
"""
