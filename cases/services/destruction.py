"""Destruction of an exhibit's bytes: two people, no hold, and a certificate that remains."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actors import Actor
from accounts.models import User
from audit.actions import Action
from audit.canonical import canonical_text
from audit.services import append
from audit.transactions import audited
from cases.custody_log import log_custody
from cases.derived import DerivedFile, derived_files
from cases.errors import CustodyConflict
from cases.models import (
    Case,
    CustodyEvent,
    DestructionCertificate,
    DestructionRequest,
    Exhibit,
)
from cases.permissions import CaseAction, require_person
from cases.services.holds import open_holds
from cases.services.integrity import measure, unavailable
from cases.stamps import text_sha256
from cases.storage import artefact_store, evidence_store
from cases.validation import required_text

Status = DestructionRequest.Status
METHOD = (
    "The stored file or object was removed, every version of it where the store keeps versions. "
    "The storage medium was not overwritten; copies in backups expire with the backups."
)


def request_destruction(
    *, actor: Actor, exhibit: Exhibit, reason: str, authority: str
) -> DestructionRequest:
    """Ask for destruction; another person must approve it.

    Raises PermissionDenied, CustodyConflict (hold, open request), ExhibitUnavailable, InvalidInput.
    """
    person = require_person(actor, exhibit.case, CaseAction.DESTROY)
    reason = required_text(reason, "reason")
    authority = required_text(authority, "authority")
    with audited():
        exhibit = _lock(exhibit)
        if exhibit.destruction_requests.filter(status=Status.REQUESTED).exists():
            raise CustodyConflict("requested", _("Destruction was requested already."))
        request: DestructionRequest = DestructionRequest.objects.create(
            exhibit=exhibit, reason=reason, authority=authority, requested_by=person
        )
        event = log_custody(
            actor=actor,
            exhibit=exhibit,
            kind=CustodyEvent.Kind.DESTRUCTION_REQUESTED,
            purpose=reason,
            authority=authority,
        )
        append(
            actor=actor,
            action=Action.EVIDENCE_DESTRUCTION_REQUESTED,
            subject=exhibit,
            case_id=exhibit.case_id,
            payload={"request": str(request.pk), "reason_sha256": text_sha256(reason)},
            also=[request, event],
        )
    return request


def approve_destruction(*, actor: Actor, request: DestructionRequest) -> DestructionCertificate:
    """Carry out a request of somebody else.

    Raises PermissionDenied, CustodyConflict (same person, hold, answered), ExhibitUnavailable.
    """
    person = require_person(actor, request.exhibit.case, CaseAction.DESTROY)
    with audited():
        exhibit = _lock(request.exhibit)
        request = _lock_open_request(request)
        if request.requested_by == person:
            raise CustodyConflict(
                "same_person", _("A second person must approve: this request is your own.")
            )
        measured = measure(exhibit)
        if not measured and exhibit.state != Exhibit.State.FROZEN:
            raise CustodyConflict(
                "missing",
                _(
                    "The bytes of %(label)s were not found, so nothing can be certified. Run an "
                    "integrity check first."
                )
                % {"label": exhibit.label},
            )
        kept_for = list(_others_on_same_bytes(exhibit))
        derived = [] if settings.DFD.keep_derived else derived_files(exhibit)
        _answer(request, Status.CARRIED_OUT, person)
        exhibit.state, exhibit.state_reason = Exhibit.State.DESTROYED, request.reason
        exhibit.save(update_fields=["state", "state_reason"])
        certificate = _certify(request, exhibit, measured, kept_for, derived)
        event = log_custody(
            actor=actor,
            exhibit=exhibit,
            kind=CustodyEvent.Kind.DESTROYED,
            purpose=request.reason,
            authority=request.authority,
            result=f"certificate {certificate.sha256}",
            before=measured,
        )
        append(
            actor=actor,
            action=Action.EVIDENCE_DESTROYED,
            subject=exhibit,
            case_id=exhibit.case_id,
            payload={
                "request": str(request.pk),
                "sha256": measured,
                "certificate_sha256": certificate.sha256,
            },
            also=[request, certificate, event],
        )
        # Last: whatever fails before leaves the bytes in place. Bytes that an integrity check
        # found gone (``measured`` is empty) need no removal.
        _remove_derived(derived)
        if measured and not kept_for:
            evidence_store().remove(exhibit.storage_key)
    return certificate


def decline_destruction(
    *, actor: Actor, request: DestructionRequest, reason: str
) -> DestructionRequest:
    """Turn a request down, or withdraw one's own.

    Raises PermissionDenied, CustodyConflict, InvalidInput.
    """
    person = require_person(actor, request.exhibit.case, CaseAction.DESTROY)
    reason = required_text(reason, "reason")
    with audited():
        request = _lock_open_request(request)
        _answer(request, Status.DECLINED, person)
        event = log_custody(
            actor=actor,
            exhibit=request.exhibit,
            kind=CustodyEvent.Kind.DESTRUCTION_DECLINED,
            purpose=reason,
        )
        append(
            actor=actor,
            action=Action.EVIDENCE_DESTRUCTION_DECLINED,
            subject=request.exhibit,
            case_id=request.exhibit.case_id,
            payload={"request": str(request.pk), "reason_sha256": text_sha256(reason)},
            also=[request, event],
        )
    return request


def _lock(exhibit: Exhibit) -> Exhibit:
    """The exhibit, its case locked against new holds. Raises if held or destroyed."""
    Case.objects.select_for_update().get(pk=exhibit.case_id)
    locked: Exhibit = Exhibit.objects.select_related("case").get(pk=exhibit.pk)
    if locked.state == Exhibit.State.DESTROYED:
        raise unavailable(locked)
    matters = ", ".join(hold.matter for hold in open_holds(locked))
    if matters:
        raise CustodyConflict(
            "hold",
            _("%(label)s is under legal hold for: %(matters)s.")
            % {"label": locked.label, "matters": matters},
        )
    return locked


def _lock_open_request(request: DestructionRequest) -> DestructionRequest:
    row: DestructionRequest = DestructionRequest.objects.select_for_update().get(pk=request.pk)
    if row.status != Status.REQUESTED:
        raise CustodyConflict("answered", _("This request was answered already."))
    return row


def _answer(request: DestructionRequest, status: Status, person: User) -> None:
    request.status, request.answered_by, request.answered_at = status, person, timezone.now()
    request.save(update_fields=["status", "answered_by", "answered_at"])


def _others_on_same_bytes(exhibit: Exhibit) -> Any:
    """Numbers of exhibits of the same case that rest on the same stored bytes."""
    rows = Exhibit.objects.filter(storage_key=exhibit.storage_key).exclude(pk=exhibit.pk)
    return rows.exclude(state=Exhibit.State.DESTROYED).values_list("number", flat=True)


def _remove_derived(derived: list[DerivedFile]) -> None:
    """Destroy derived files that no other exhibit rests on; one that is gone already is no loss."""
    for file in derived:
        if not file.shared and artefact_store().exists(file.storage_key):
            artefact_store().remove(file.storage_key)


def _certify(
    request: DestructionRequest,
    exhibit: Exhibit,
    measured: str,
    kept_for: list[int],
    derived: list[DerivedFile],
) -> DestructionCertificate:
    document = canonical_text(
        {
            "schema": "dfd.destruction.v2",
            "request": str(request.pk),
            "exhibit": exhibit.label,
            "name": exhibit.name,
            "mime_type": exhibit.mime_type,
            "size": exhibit.size,
            "sha256": exhibit.sha256,
            "sha512": exhibit.sha512,
            "sha256_before_destruction": measured,
            "received_at": exhibit.received_at.isoformat(),
            "reason": request.reason,
            "authority": request.authority,
            "requested_by": request.requested_by.get_username(),
            "requested_at": request.requested_at.isoformat(),
            "approved_by": request.answered_by.get_username() if request.answered_by else "",
            "approved_at": request.answered_at.isoformat() if request.answered_at else "",
            "bytes_kept_for_exhibits": kept_for,
            "derived_destroyed": [file.sha256 for file in derived if not file.shared],
            "derived_kept": [file.sha256 for file in derived if file.shared],
            "method": METHOD if not kept_for else "The bytes stay for the exhibits named.",
        }
    )
    certificate: DestructionCertificate = DestructionCertificate.objects.create(
        request=request, document=document, sha256=text_sha256(document)
    )
    return certificate
