"""What every API resource shares: problems, pages, idempotency, rate limits, sparse fields.

May import Django and Django REST framework only; every room's ``api`` may import it.
"""
