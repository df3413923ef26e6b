"""What can go wrong when the ledger is written."""


class LedgerError(Exception):
    """Base of every error of the ledger."""


class OutsideTransaction(LedgerError):
    """An entry was appended outside a database transaction."""


class UnauditedChange(LedgerError):
    """An audited model was changed without an entry that accounts for it."""


class BadPayload(LedgerError):
    """A payload holds something that has no single canonical form, such as a float."""
