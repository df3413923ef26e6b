"""Is this message from the platform, and is it fresh?"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

from dfd_client.errors import DfdError

TOLERANCE_S = 300


class InvalidSignature(DfdError):
    """The message was not signed with this secret, was changed, or is too old."""


def verify_webhook(
    secret: str, signature: str, body: bytes, *, tolerance_s: float = TOLERANCE_S
) -> dict[str, Any]:
    """The event in ``body``, whose ``DFD-Signature`` header is ``signature``.

    ``body`` is the raw body, before any parsing. Raises InvalidSignature. A message may come twice:
    remember the event's ``id`` for longer than ``tolerance_s`` seconds and drop what was seen.
    """
    fields = [item.strip().partition("=") for item in signature.split(",")]
    seconds = next((value for name, _, value in fields if name == "t"), "")
    given = [value for name, _, value in fields if name == "v1"]
    if not (seconds.isascii() and seconds.isdecimal()) or not given:
        raise InvalidSignature("the header reads t=SECONDS,v1=HEX")
    expected = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    if not any(hmac.compare_digest(expected.encode(), value.encode()) for value in given):
        raise InvalidSignature("the signature does not fit the body and the secret")
    if abs(time.time() - int(seconds)) > tolerance_s:
        raise InvalidSignature("the message is too old, or the clocks differ")
    event: dict[str, Any] = json.loads(body)
    return event
