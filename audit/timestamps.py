"""RFC 3161 time stamps of checkpoints, fetched when the authority can be reached."""

from __future__ import annotations

import hashlib
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from cryptography import x509
from django.conf import settings
from django.utils import timezone
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from audit.models import Checkpoint, StampRequest

log = structlog.get_logger()
TIMEOUT_S = 20
LARGEST_ANSWER = 1024 * 1024


@dataclass(frozen=True)
class TimeStamp:
    """What is known of the time stamp of a checkpoint; ``response`` is empty while it is missing.

    ``time`` is the authority's own account, UTC.
    """

    authority: str
    response: bytes = b""
    time: datetime | None = None


def stamp_pending() -> int:
    """Ask for every stamp that is still missing, newest first; how many were granted.

    A stamp that cannot be had stays queued with the reason; the next call tries again. An
    authority that does not answer is asked once per call.
    """
    granted, silent = 0, set()
    pending = StampRequest.objects.filter(stamped_at=None).select_related("checkpoint")
    for request in pending.order_by("-id"):
        if request.authority in silent:
            continue
        request.attempts += 1
        try:
            request.response = _stamp(request.authority, request.checkpoint.note.encode())
            request.stamped_at, request.last_error = timezone.now(), ""
            granted += 1
        except (OSError, ValueError, VerificationError) as error:
            request.last_error = f"{type(error).__name__}: {error}"[:1000]
            log.warning("time_stamp_pending", authority=request.authority, error=str(error))
            if isinstance(error, OSError):
                silent.add(request.authority)
        request.save()
    return granted


def time_stamp_of(checkpoint: Checkpoint) -> TimeStamp | None:
    """The stamp of ``checkpoint`` as it stands; None when no authority was asked."""
    request = StampRequest.objects.filter(checkpoint=checkpoint).first()
    if request is None:
        return None
    if request.response is None:
        return TimeStamp(request.authority)
    response = bytes(request.response)
    return TimeStamp(
        request.authority, response, decode_timestamp_response(response).tst_info.gen_time
    )


def _stamp(authority: str, content: bytes) -> bytes:
    if not authority.startswith(("https://", "http://")):
        raise ValueError(f"the time stamp authority {authority} is no http address")
    query = TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256).build()
    call = urllib.request.Request(  # noqa: S310 (scheme checked above)
        authority,
        data=query.as_bytes(),
        headers={"Content-Type": "application/timestamp-query"},
    )
    with urllib.request.urlopen(call, timeout=TIMEOUT_S) as answer:  # noqa: S310
        raw: bytes = answer.read(LARGEST_ANSWER)
    response = decode_timestamp_response(raw)
    if PKIStatus(response.status) not in (PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS):
        raise ValueError(f"the authority refused with status {response.status}")
    if response.tst_info.nonce != query.nonce:
        raise ValueError("the authority answered another request")
    verify_stamp(response, content)
    return raw


def verify_stamp(response: TimeStampResponse, content: bytes) -> None:
    """VerificationError unless ``response`` stamps ``content`` under a configured root.

    Without DFD_TIMESTAMP_ROOTS (a PEM file) only the stamped hash is compared.
    """
    roots_file = settings.DFD.timestamp_roots
    if not roots_file:
        if response.tst_info.message_imprint.message != hashlib.sha256(content).digest():
            raise VerificationError("the stamp is for other content")
        return
    builder = VerifierBuilder()
    for root in x509.load_pem_x509_certificates(Path(roots_file).read_bytes()):
        builder = builder.add_root_certificate(root)
    builder.build().verify_message(response, content)
