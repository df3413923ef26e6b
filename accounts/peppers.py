"""The peppers of API key digests: secrets outside the database, by version.

A new version is added in front of a rotation; keys of the old version keep working as long as
their pepper is configured.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts.secret_files import secret_file


def peppers() -> dict[int, bytes]:
    """Every configured pepper by version, from DFD_API_KEY_PEPPERS or the generated file."""
    text = settings.DFD.api_key_peppers or secret_file(
        settings.DFD.data_dir / "keys" / "api-key-pepper", lambda: f"1:{secrets.token_hex(32)}"
    )
    try:
        pairs = [entry.strip().split(":", 1) for entry in text.split(",")]
        return {int(version): bytes.fromhex(pepper) for version, pepper in pairs}
    except ValueError as error:
        raise ImproperlyConfigured(
            "DFD_API_KEY_PEPPERS must read VERSION:HEX,VERSION:HEX, for example 1:5f3c…"
        ) from error


def current_version() -> int:
    """The version new digests use: the highest one."""
    return max(peppers())


def digest(plaintext: str, version: int) -> str:
    """HMAC-SHA256 (hex) of a whole key under the pepper ``version``; KeyError when unknown."""
    return hmac.new(peppers()[version], plaintext.encode(), hashlib.sha256).hexdigest()
