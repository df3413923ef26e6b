"""The examination room: analyses are submitted, run on the inference worker, stored and reviewed.

May import cases, audit, accounts and ml; knows nothing of reports, pages' wiring or the supervisor.
"""
