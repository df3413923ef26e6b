"""What can go wrong with web hooks, in words for the person who set one up."""


class WebhookRefused(Exception):
    """An endpoint cannot be made or used as asked: a stable ``code`` and a ``message``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
