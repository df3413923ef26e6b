"""The secret of an endpoint and the signature of a request.

The secret is derived from a pepper (``accounts.peppers``, outside the database), the endpoint's id
and its generation, so a copy of the database holds no secret. The signature follows the usual
scheme: ``DFD-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">``; after a rotation
the old secret signs as well for a day, as a second ``v1``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import timedelta

from django.utils import timezone

from accounts import peppers
from webhooks.models import Endpoint

PREFIX = "whsec_"
OVERLAP = timedelta(hours=24)


def secret_of(endpoint: Endpoint, generation: int | None = None) -> str:
    """The secret of this generation, the present one without a number."""
    chosen = endpoint.generation if generation is None else generation
    derived = peppers.digest(f"webhook:{endpoint.pk}:{chosen}", endpoint.pepper_version)
    return PREFIX + base64.b64encode(bytes.fromhex(derived)).decode()


def signature(endpoint: Endpoint, body: bytes, seconds: int) -> str:
    """The value of ``DFD-Signature`` for ``body`` sent at ``seconds`` since 1970."""
    secrets = [secret_of(endpoint)]
    if endpoint.rotated_at is not None and endpoint.rotated_at > timezone.now() - OVERLAP:
        secrets.append(secret_of(endpoint, endpoint.generation - 1))
    message = f"{seconds}.".encode() + body
    signed = [hmac.new(secret.encode(), message, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={seconds}", *(f"v1={value}" for value in signed)])
