"""Wiring: settings, URLs, the API router and the process supervisor. No logic of its own.

May import every room: reports, detection, cases, audit, accounts.
"""
