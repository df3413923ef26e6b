"""The ledger: append-only, hash-chained, checkpointed and verifiable.

Imports ``accounts`` only.
"""
