"""The ledger's signing key, and the public keys by which its checkpoints are recognised.

The key is DFD_LEDGER_KEY (base64 of a 32-byte Ed25519 seed) or a generated file that only the
platform's user can read. To replace a key, remove the file: the old public key stays beside the
checkpoints it signed, so they remain verifiable.
"""

from __future__ import annotations

import base64
import secrets
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts.secret_files import secret_file
from audit.outside_copies import keep_copy
from audit.signed_notes import verifier_key


def signing_key() -> Ed25519PrivateKey:
    """The key that signs checkpoints; ImproperlyConfigured when DFD_LEDGER_KEY is malformed."""
    text = settings.DFD.ledger_key or secret_file(
        settings.DFD.data_dir / "keys" / "ledger.key",
        lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
    )
    return _parsed(text)


@lru_cache(maxsize=4)
def _parsed(text: str) -> Ed25519PrivateKey:
    try:
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(text, validate=True))
    except ValueError as error:
        raise ImproperlyConfigured(
            "DFD_LEDGER_KEY must be the base64 text of 32 random bytes"
        ) from error


def current_verifier_key() -> str:
    """The public key that recognises new checkpoints, kept beside them from its first use."""
    key = verifier_key(settings.DFD.ledger_origin, signing_key())
    keep_copy(f"ledger-{key.split('+')[1]}.vkey", key + "\n")
    return key


def verifier_keys() -> list[str]:
    """The current public key and those of earlier signing keys."""
    current = current_verifier_key()
    earlier = [path.read_text().strip() for path in settings.DFD.checkpoint_dir.glob("*.vkey")]
    return sorted({current, *earlier})
