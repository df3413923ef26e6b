"""Hash of a text, for ledger payloads that must not repeat the text itself."""

import hashlib


def text_sha256(text: str) -> str:
    """SHA-256 of the UTF-8 bytes of ``text``, lower-case hex."""
    return hashlib.sha256(text.encode()).hexdigest()
