"""What can go wrong with reports and bundles."""


class ReportsError(Exception):
    """Base of the errors of this room. ``message`` says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ReportRefused(ReportsError):
    """There is nothing to report on, or the request cannot be met."""


class PdfUnavailable(ReportsError):
    """The system libraries that draw PDF are missing; the HTML report is not affected."""
