"""Resumable uploads: starting, adding bytes, finishing as evidence, ending without.

A partial file lies in quarantine under the upload's own id. ``Upload.offset`` counts the bytes that
are surely on the disk; what lies behind it, after a crash, is dropped and sent again.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actors import Actor, system_actor
from accounts.quotas import Measure, require_quota
from audit.actions import Action
from audit.services import append
from audit.transactions import audited
from cases.acquisition import Acquisition
from cases.errors import EvidenceRefused, RefusalCode, UploadError
from cases.intake import (
    EMPTY,
    clean_declared,
    clean_filename,
    quarantine_path,
    received_in_pieces,
    too_large,
    write_all,
)
from cases.models import Case, Upload
from cases.permissions import CaseAction, deny, require
from cases.services.evidence import check_room, record_refusal, take_in

State = Upload.State
# How much may have to be sent again after a crash of the server.
SAVE_EVERY = 8 * 1024 * 1024


class Digest(Protocol):
    """A hash in progress, as ``hashlib`` makes them."""

    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


def start_upload(
    *,
    actor: Actor,
    case: Case,
    filename: str,
    size: int,
    declared_sha256: str = "",
    acquisition: Acquisition | None = None,
) -> Upload:
    """Make room for a file of ``size`` bytes that will come in pieces.

    Raises PermissionDenied, QuotaExceeded, or EvidenceRefused (empty, too_large, quota,
    case_closed, hash_mismatch), which is recorded.
    """
    require(actor, case, CaseAction.CONTRIBUTE)
    if actor.user is None:
        deny(actor, case, CaseAction.CONTRIBUTE)
    try:
        declared = clean_declared(declared_sha256)
        _check_size(case, size)
    except EvidenceRefused as refusal:
        record_refusal(actor=actor, case=case, filename=filename, refusal=refusal)
        raise
    require_quota(actor, Measure.BYTES, size)
    stated = acquisition or Acquisition()
    with audited():
        upload: Upload = Upload.objects.create(
            case=case,
            owner=actor.user,
            filename=clean_filename(filename),
            size=size,
            declared_sha256=declared,
            acquisition=stated.to_dict(),
            expires_at=_expiry(),
        )
        append(
            actor=actor,
            action=Action.EVIDENCE_UPLOAD_STARTED,
            subject=upload,
            case_id=case.pk,
            payload={"size": size},
        )
        partial_path(upload).touch(mode=0o600)
    return upload


def add_bytes(
    *,
    actor: Actor,
    upload: Upload,
    offset: int,
    chunks: Iterable[bytes],
    checksum: tuple[Digest, bytes] | None = None,
) -> Upload:
    """Append bytes at ``offset``; the last of them makes the upload an exhibit.

    ``checksum``: a fresh hash and the value these bytes must have; on a difference all of them are
    dropped. Without one, bytes that came before the line broke are kept.
    Raises PermissionDenied, UploadError, EvidenceRefused (recorded; the upload is over).
    """
    require(actor, upload.case, CaseAction.CONTRIBUTE)
    with _exclusive(upload) as handle:
        upload = _receiving(upload)
        if offset != upload.offset:
            raise UploadError(
                "offset", _("This upload goes on at byte %(offset)s.") % {"offset": upload.offset}
            )
        os.ftruncate(handle, offset)
        os.lseek(handle, offset, os.SEEK_SET)
        if checksum is None:
            _append(upload, handle, chunks)
        else:
            _append_checked(upload, handle, chunks, *checksum)
        if upload.offset == upload.size:
            _finish(actor, upload)
    return upload


def finish_if_complete(*, actor: Actor, upload: Upload) -> Upload:
    """Finish an upload whose bytes are all here but whose finishing was cut short by a restart."""
    if upload.state != State.RECEIVING or upload.offset < upload.size:
        return upload
    return add_bytes(actor=actor, upload=upload, offset=upload.size, chunks=())


def terminate_upload(*, actor: Actor, upload: Upload) -> None:
    """Drop an unfinished upload at the wish of its owner. Raises PermissionDenied, UploadError."""
    require(actor, upload.case, CaseAction.CONTRIBUTE)
    with _exclusive(upload):
        _end(actor, _receiving(upload), State.TERMINATED)


def expire_uploads() -> int:
    """Drop unfinished uploads whose time is over; how many."""
    expired = 0
    for upload in Upload.objects.filter(state=State.RECEIVING, expires_at__lt=timezone.now()):
        try:
            with _exclusive(upload):
                _end(system_actor("expiry"), _receiving(upload), State.EXPIRED)
        except UploadError:
            continue  # bytes are coming in, or it ended just now
        expired += 1
    return expired


def partial_path(upload: Upload) -> Path:
    """Where the bytes received so far lie."""
    return quarantine_path(upload.pk)


def _check_size(case: Case, size: int) -> None:
    if size <= 0:
        raise EvidenceRefused(RefusalCode.EMPTY, EMPTY)
    if size > settings.DFD.max_upload_bytes:
        raise too_large(settings.DFD.max_upload_bytes)
    coming = Upload.objects.filter(case=case, state=State.RECEIVING)
    promised = coming.aggregate(total=Sum("size"))["total"] or 0
    check_room(case, size + promised)


def _append(upload: Upload, handle: int, chunks: Iterable[bytes]) -> None:
    unsaved = 0
    received = upload.offset
    try:
        for chunk in _limited(chunks, upload.size - upload.offset):
            write_all(handle, chunk)
            received += len(chunk)
            unsaved += len(chunk)
            if unsaved >= SAVE_EVERY:
                _save_offset(upload, handle, received)
                unsaved = 0
    finally:
        _save_offset(upload, handle, received)


def _append_checked(
    upload: Upload, handle: int, chunks: Iterable[bytes], digest: Digest, expected: bytes
) -> None:
    received = upload.offset
    for chunk in _limited(chunks, upload.size - upload.offset):
        write_all(handle, chunk)
        digest.update(chunk)
        received += len(chunk)
    if digest.digest() != expected:
        os.ftruncate(handle, upload.offset)
        raise UploadError("checksum", _("These bytes changed on the way; send them again."))
    _save_offset(upload, handle, received)


def _limited(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    received = 0
    for chunk in chunks:
        received += len(chunk)
        if received > limit:
            raise UploadError("too_long", _("More bytes came than the upload was announced with."))
        yield chunk


def _save_offset(upload: Upload, handle: int, offset: int) -> None:
    os.fsync(handle)
    with transaction.atomic():
        row = Upload.objects.select_for_update().get(pk=upload.pk)
        row.offset, row.expires_at = offset, _expiry()
        row.save(update_fields=["offset", "expires_at"])
    upload.offset, upload.expires_at = row.offset, row.expires_at


def _finish(actor: Actor, upload: Upload) -> None:
    path = partial_path(upload)
    try:
        upload.exhibit = take_in(
            actor=actor,
            case=upload.case,
            received=received_in_pieces(path),
            filename=upload.filename,
            declared_sha256=upload.declared_sha256,
            acquisition=Acquisition.from_dict(upload.acquisition),
        )
        upload.state = State.FINISHED
    except EvidenceRefused as refusal:
        record_refusal(actor=actor, case=upload.case, filename=upload.filename, refusal=refusal)
        upload.state = State.REFUSED
        upload.refusal_code, upload.refusal_message = str(refusal.code), refusal.message
        raise
    finally:
        upload.save(update_fields=["state", "exhibit", "refusal_code", "refusal_message"])
        if upload.state != State.RECEIVING:  # after an outage the bytes wait for the next request
            path.unlink(missing_ok=True)


def _end(actor: Actor, upload: Upload, state: Upload.State) -> None:
    with audited():
        upload.state = state
        upload.save(update_fields=["state"])
        append(
            actor=actor,
            action=Action.EVIDENCE_UPLOAD_TERMINATED,
            subject=upload,
            case_id=upload.case_id,
            payload={"state": str(state), "offset": upload.offset},
        )
    partial_path(upload).unlink(missing_ok=True)


def _receiving(upload: Upload) -> Upload:
    """The row as it is now. Raises UploadError ``gone`` when the upload is over."""
    fresh: Upload = Upload.objects.select_related("case").get(pk=upload.pk)
    if fresh.state != State.RECEIVING:
        raise UploadError(
            "gone", _("This upload is %(state)s.") % {"state": fresh.get_state_display().lower()}
        )
    return fresh


@contextmanager
def _exclusive(upload: Upload) -> Iterator[int]:
    """The partial file, open for writing and locked against every other process.

    A file lock, not a row lock: a slow client would otherwise hold a transaction open, and on
    SQLite with it the whole database. Raises UploadError ``locked`` or ``gone``.
    """
    try:
        handle = os.open(partial_path(upload), os.O_RDWR)
    except FileNotFoundError as error:
        raise UploadError("gone", _("This upload is over or its bytes were lost.")) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(handle).st_size < Upload.objects.get(pk=upload.pk).offset:
            raise UploadError("gone", _("The bytes received so far were lost; start again."))
        yield handle
    except BlockingIOError as error:
        raise UploadError("locked", _("Another request is adding to this upload.")) from error
    finally:
        os.close(handle)


def _expiry() -> datetime:
    return timezone.now() + timedelta(hours=settings.DFD.upload_expiry_hours)
