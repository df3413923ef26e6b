"""What can go wrong in the cases room, in words for the person at the screen."""

from enum import StrEnum

from django.utils.translation import gettext, gettext_noop, override


class CasesError(Exception):
    """Base of the errors below: a stable ``code`` and a ``message`` that says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class RefusalCode(StrEnum):
    """Why a file was not taken into evidence."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    UNSUPPORTED_TYPE = "unsupported_type"
    CORRUPT = "corrupt"
    HASH_MISMATCH = "hash_mismatch"
    CASE_CLOSED = "case_closed"
    QUOTA = "quota"


class EvidenceRefused(CasesError):
    """A file was not taken into evidence; the refusal is on the ledger. ``code``: RefusalCode.

    ``message`` is in the reader's language, ``recorded`` in English, as the ledger keeps it.
    """

    def __init__(self, code: str, text: str, **values: object) -> None:
        super().__init__(code, gettext(text) % values)
        with override("en"):
            self.recorded = gettext(text) % values


class CaseClosed(CasesError):
    """The case is closed, so nothing may be added to it."""

    text = gettext_noop("Case %(number)s is closed. Ask its manager to reopen it.")

    def __init__(self, number: str) -> None:
        super().__init__("case_closed", gettext(self.text) % {"number": number})


class ExhibitUnavailable(CasesError):
    """The exhibit's bytes may not be used. ``code``: frozen, quarantined, destroyed, missing."""


class CustodyConflict(CasesError):
    """A custody step does not fit the exhibit's state, e.g. destruction under a legal hold."""


class MembershipConflict(CasesError):
    """A change of members that would leave a case without a manager, or an unknown role."""


class InvalidInput(CasesError):
    """A required text is missing or a value is out of range. ``code``: the field's name."""


class UploadError(CasesError):
    """A resumable upload cannot go on. ``code``: gone, offset, locked, checksum, too_long."""


class StoreError(CasesError):
    """The evidence store did not do what was asked. ``code``: exists, missing, mismatch."""


class ViewRefused(CasesError):
    """A view of the case table cannot be kept. Codes: no_name, too_many."""
