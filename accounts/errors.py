"""What can go wrong with accounts and keys."""

from django.core.exceptions import PermissionDenied


class AccountError(Exception):
    """Base of the errors of this room. ``message`` is for the person who caused it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class InvalidKey(AccountError):
    """An API key that does not open anything."""


class KeyRequestRefused(AccountError):
    """An API key that cannot be made as asked."""


class QuotaExceeded(AccountError):
    """More than a key or a person may use in a day. ``retry_after``: seconds, 0 for never."""

    def __init__(self, code: str, message: str, retry_after: int) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after


class RecordedRefusal(PermissionDenied):
    """A refusal that already stands in the ledger, with more detail than the page knows."""
