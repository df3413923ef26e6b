"""Taking recordings into evidence."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import BinaryIO

from django.conf import settings
from django.db.models import Sum
from django.utils.translation import gettext_noop as _

from accounts.actors import Actor, system_actor
from accounts.errors import QuotaExceeded
from accounts.quotas import Measure, hold_owner, require_quota
from audit.actions import Action
from audit.services import append
from audit.transactions import audited
from cases import malware
from cases.acquisition import Acquisition
from cases.alerts import raise_alert
from cases.attestation import acquisition_sha256
from cases.clock import clock_state
from cases.custody_log import log_custody
from cases.errors import CaseClosed, EvidenceRefused, RefusalCode, StoreError
from cases.intake import Received, check, clean_declared, clean_filename, quarantine
from cases.models import Case, CustodyEvent, Exhibit
from cases.permissions import CaseAction, require
from cases.services.case import lock_open
from cases.sniffing import MediaType
from cases.stamps import text_sha256
from cases.storage import evidence_store


def receive_evidence(
    *,
    actor: Actor,
    case: Case,
    stream: BinaryIO | Iterable[bytes],
    filename: str,
    declared_sha256: str | None = None,
    acquisition: Acquisition | None = None,
    kind: str = "",
) -> Exhibit:
    """Take a recording into evidence; with ``kind`` only audio, image or video.

    Bytes stream through SHA-256 and SHA-512 into quarantine; limits and type (by content) are
    checked, the file is read again and hashed again, then moved write-once into the store.
    Raises PermissionDenied, QuotaExceeded, or EvidenceRefused, whose refusal is on the ledger.
    """
    require(actor, case, CaseAction.CONTRIBUTE)
    try:
        declared = clean_declared(declared_sha256)
        check_room(case, 1)
        require_quota(actor, Measure.BYTES, 1)
        with quarantine(stream, settings.DFD.max_upload_bytes) as received:
            return take_in(
                actor=actor,
                case=case,
                received=received,
                filename=filename,
                declared_sha256=declared,
                acquisition=acquisition or Acquisition(),
                kind=kind,
            )
    except EvidenceRefused as refusal:
        record_refusal(actor=actor, case=case, filename=filename, refusal=refusal)
        raise


def take_in(
    *,
    actor: Actor,
    case: Case,
    received: Received,
    filename: str,
    declared_sha256: str,
    acquisition: Acquisition,
    kind: str = "",
) -> Exhibit:
    """Check a file in quarantine, store it and register the exhibit.

    The caller removes ``received.path`` and records the refusal. Raises EvidenceRefused.
    """
    media_type = check(received, declared_sha256, kind)
    check_room(case, received.digests.size)
    require_quota(actor, Measure.BYTES, received.digests.size)
    scan = malware.scan(received.path)
    try:
        key = evidence_store().put(
            received.path, received.digests.sha256, folder=str(case.pk), final=True
        )
    except StoreError as error:
        raise EvidenceRefused(
            RefusalCode.HASH_MISMATCH, "%(reason)s", reason=error.message
        ) from error
    try:
        return _register(
            actor,
            case,
            received,
            clean_filename(filename),
            declared_sha256,
            acquisition,
            media_type,
            key,
            scan,
        )
    except CaseClosed as error:
        raise EvidenceRefused(
            RefusalCode.CASE_CLOSED, CaseClosed.text, number=case.number
        ) from error


def check_room(case: Case, size: int) -> None:
    """Raise EvidenceRefused when the case is closed or ``size`` more bytes exceed its quota."""
    if not Case.objects.filter(pk=case.pk, status=Case.Status.OPEN).exists():
        raise EvidenceRefused(RefusalCode.CASE_CLOSED, CaseClosed.text, number=case.number)
    quota = settings.DFD.case_quota_bytes
    if quota and used_bytes(case) + size > quota:
        raise EvidenceRefused(
            RefusalCode.QUOTA,
            _(
                "Case %(number)s may hold %(quota)s bytes and this file does not fit any more. An "
                "administrator can raise DFD_CASE_QUOTA_BYTES."
            ),
            number=case.number,
            quota=quota,
        )


def used_bytes(case: Case) -> int:
    """Bytes of all exhibits of the case that still exist."""
    kept = Exhibit.objects.filter(case=case).exclude(state=Exhibit.State.DESTROYED)
    return int(kept.aggregate(total=Sum("size"))["total"] or 0)


def record_refusal(*, actor: Actor, case: Case, filename: str, refusal: EvidenceRefused) -> None:
    """Put a refused file on the case's ledger; its name only as a hash."""
    with audited():
        append(
            actor=actor,
            action=Action.EVIDENCE_REFUSED,
            subject=case,
            case_id=case.pk,
            payload={
                "code": str(refusal.code),
                "message": refusal.recorded,
                "name_sha256": text_sha256(clean_filename(filename)),
            },
        )


def _register(
    actor: Actor,
    case: Case,
    received: Received,
    name: str,
    declared_sha256: str,
    acquisition: Acquisition,
    media_type: MediaType,
    key: str,
    scan: malware.Scan,
) -> Exhibit:
    digests, lookup, clock = received.digests, received.lookup, clock_state()
    with audited():
        case = _with_room(actor, case, digests.size, key)
        if not evidence_store().exists(key):
            # The same content was destroyed in this case between storing and here.
            raise EvidenceRefused(RefusalCode.HASH_MISMATCH, _("Please send the file once more."))
        case.last_exhibit_number += 1
        case.save(update_fields=["last_exhibit_number"])
        exhibit: Exhibit = Exhibit.objects.create(
            case=case,
            number=case.last_exhibit_number,
            name=name,
            kind=media_type.kind,
            mime_type=media_type.mime_type,
            size=digests.size,
            sha256=digests.sha256,
            sha512=digests.sha512,
            md5=lookup.md5,
            sha1=lookup.sha1,
            declared_sha256=declared_sha256,
            storage_key=key,
            state=Exhibit.State.QUARANTINED if scan.threat else Exhibit.State.STORED,
            state_reason=scan.threat,
            received_by_kind=actor.kind,
            received_by_id=actor.id,
            received_by_label=actor.label,
            custodian=actor.user,
            source=acquisition.source,
            collector=acquisition.collector,
            authority=acquisition.authority,
            acquisition_method=acquisition.method,
            acquired_at=acquisition.acquired_at,
            acquired_utc_offset=acquisition.utc_offset,
        )
        event = log_custody(
            actor=actor,
            exhibit=exhibit,
            kind=CustodyEvent.Kind.RECEIVED,
            purpose="taken into evidence",
            authority=acquisition.authority,
            result="; ".join(filter(None, (scan.note, f"server clock: {clock}"))),
            before=digests.sha256,
            after=digests.sha256,
        )
        append(
            actor=actor,
            action=Action.EVIDENCE_RECEIVED,
            subject=exhibit,
            case_id=case.pk,
            payload={
                "number": exhibit.number,
                "sha256": digests.sha256,
                "sha512": digests.sha512,
                "md5": lookup.md5,
                "sha1": lookup.sha1,
                "size": digests.size,
                "mime_type": exhibit.mime_type,
                "storage_key": key,
                "declared_sha256": declared_sha256,
                "name_sha256": text_sha256(name),
                "acquisition_sha256": acquisition_sha256(exhibit),
                "clock": clock,
            },
            also=[event],
        )
        _record_twins(exhibit)
        if scan.threat:
            _record_threat(actor, exhibit, scan.threat)
    return exhibit


def _with_room(actor: Actor, case: Case, size: int, key: str) -> Case:
    """The case, locked, once what was asked before the bytes were stored still holds.

    Case and owner of the quota stay locked until the transaction ends: nobody else can take the
    same room meanwhile. What is refused here does not stay stored.
    """
    try:
        case = lock_open(case)
        hold_owner(actor, Measure.BYTES)
        check_room(case, size)
        require_quota(actor, Measure.BYTES, size)
    except (CaseClosed, EvidenceRefused, QuotaExceeded):
        resting = Exhibit.objects.filter(storage_key=key).exclude(state=Exhibit.State.DESTROYED)
        with contextlib.suppress(StoreError):  # a bucket's object lock may keep it for a while
            if not resting.exists():
                evidence_store().remove(key)
        raise
    return case


def _record_twins(exhibit: Exhibit) -> None:
    """Note on the global chain, which case members do not see, where else this content is."""
    twins = Exhibit.objects.filter(sha256=exhibit.sha256).exclude(case_id=exhibit.case_id)
    others = sorted(str(pk) for pk in twins.values_list("pk", flat=True))
    if others:
        append(
            actor=system_actor("intake"),
            action=Action.EVIDENCE_LINKED,
            subject=exhibit,
            payload={"sha256": exhibit.sha256, "exhibits": [*others, str(exhibit.pk)]},
        )


def _record_threat(actor: Actor, exhibit: Exhibit, threat: str) -> None:
    append(
        actor=actor,
        action=Action.EVIDENCE_QUARANTINED,
        subject=exhibit,
        case_id=exhibit.case_id,
        payload={"threat": threat},
    )
    raise_alert(
        case=exhibit.case,
        kind="evidence.quarantined",
        text=f"Exhibit {exhibit.label} holds malware ({threat}) and is kept in quarantine.",
        exhibit=exhibit,
    )
