"""Client of the DFD Platform: cases, evidence, analyses, findings, reports and bundles.

``Client`` waits, ``AsyncClient`` is awaited; both have the same methods. Errors of the platform are
exceptions of ``dfd_client.errors``; ``verify_webhook`` checks what a web hook brought.
"""

from dfd_client.asynchronous import AsyncClient
from dfd_client.errors import (
    Conflict,
    DfdError,
    Forbidden,
    HashMismatch,
    Invalid,
    NotFound,
    ProblemError,
    RateLimited,
    ServerError,
    TooLarge,
    Unauthorized,
    Unreachable,
    UnsupportedMedia,
    WaitedTooLong,
)
from dfd_client.synchronous import Client
from dfd_client.webhooks import InvalidSignature, verify_webhook

__all__ = [
    "AsyncClient",
    "Client",
    "Conflict",
    "DfdError",
    "Forbidden",
    "HashMismatch",
    "Invalid",
    "InvalidSignature",
    "NotFound",
    "ProblemError",
    "RateLimited",
    "ServerError",
    "TooLarge",
    "Unauthorized",
    "Unreachable",
    "UnsupportedMedia",
    "WaitedTooLong",
    "verify_webhook",
]
