"""Custody events of exhibits that are in the store."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actors import Actor, user_actor
from accounts.models import User
from audit.actions import Action
from audit.models import AuditedModel
from audit.services import append
from audit.transactions import audited
from cases.custody_log import log_custody
from cases.errors import CustodyConflict
from cases.models import CustodyEvent, Exhibit, Transfer
from cases.permissions import CaseAction, allowed, deny, require
from cases.services.integrity import measure, unavailable, usable
from cases.stamps import text_sha256
from cases.validation import required_text

Kind = CustodyEvent.Kind


def record_view(*, actor: Actor, exhibit: Exhibit, purpose: str = "") -> CustodyEvent:
    """Record that the actor looked at the exhibit. Raises PermissionDenied."""
    require(actor, exhibit.case, CaseAction.VIEW)
    with audited():
        return _log(actor, exhibit, Kind.VIEWED, Action.EVIDENCE_VIEWED, purpose=purpose)


def record_analysis(
    *, actor: Actor, exhibit: Exhibit, purpose: str, sha256_before: str, sha256_after: str
) -> CustodyEvent:
    """Record that an analysis read the exhibit, with the hashes it measured.

    Raises PermissionDenied.
    """
    require(actor, exhibit.case, CaseAction.ANALYSE)
    with audited():
        event = log_custody(
            actor=actor,
            exhibit=exhibit,
            kind=Kind.ANALYSED,
            purpose=purpose,
            before=sha256_before,
            after=sha256_after,
        )
        append(
            actor=actor,
            action=Action.EVIDENCE_ANALYSED,
            subject=exhibit,
            case_id=exhibit.case_id,
            payload={"before": sha256_before, "after": sha256_after},
            also=[event],
        )
    return event


def record_export(*, actor: Actor, exhibit: Exhibit, purpose: str, export: str) -> CustodyEvent:
    """Record that the exhibit leaves in the export of that id, after its hash was checked.

    One event for each export: a repeated attempt adds none. Raises PermissionDenied,
    ExhibitUnavailable, InvalidInput.
    """
    require(actor, exhibit.case, CaseAction.EXPORT)
    result = f"in the export {export}"
    earlier = exhibit.custody.filter(kind=Kind.EXPORTED, result=result).first()
    return earlier or _record_measured(
        actor,
        exhibit,
        Kind.EXPORTED,
        Action.EVIDENCE_EXPORTED,
        purpose=required_text(purpose, "purpose"),
        result=result,
        payload={"export": export},
    )


def record_return(
    *, actor: Actor, exhibit: Exhibit, returned_to: str, purpose: str, authority: str = ""
) -> CustodyEvent:
    """Record that the source item was given back; the platform's copy stays.

    Raises PermissionDenied, ExhibitUnavailable, InvalidInput.
    """
    require(actor, exhibit.case, CaseAction.TRANSFER)
    receiver = required_text(returned_to, "returned_to", limit=500)
    return _record_measured(
        actor,
        exhibit,
        Kind.RETURNED,
        Action.EVIDENCE_RETURNED,
        purpose=required_text(purpose, "purpose"),
        authority=authority,
        result=f"returned to {receiver}",
    )


def offer_transfer(*, actor: Actor, exhibit: Exhibit, receiver: User, purpose: str) -> Transfer:
    """Offer custody to another member; nothing moves until the receiver accepts.

    Raises PermissionDenied, CustodyConflict, ExhibitUnavailable, InvalidInput.
    """
    require(actor, exhibit.case, CaseAction.TRANSFER)
    purpose = required_text(purpose, "purpose")
    if receiver == exhibit.custodian:
        raise CustodyConflict(
            "same_person",
            _("%(receiver)s has custody of %(label)s already.")
            % {"receiver": receiver, "label": exhibit.label},
        )
    if not allowed(user_actor(receiver), exhibit.case, CaseAction.TRANSFER):
        raise CustodyConflict(
            "receiver",
            _("%(receiver)s may not take custody in this case. Make them a member first.")
            % {"receiver": receiver},
        )
    measured = measure(usable(exhibit))
    with audited():
        exhibit = _lock(exhibit)
        if exhibit.transfers.filter(status=Transfer.Status.OFFERED).exists():
            raise CustodyConflict(
                "offered", _("%(label)s is on offer already.") % {"label": exhibit.label}
            )
        transfer: Transfer = Transfer.objects.create(
            exhibit=exhibit, giver_label=actor.label, receiver=receiver, purpose=purpose
        )
        _log(
            actor,
            exhibit,
            Kind.TRANSFER_OFFERED,
            Action.EVIDENCE_TRANSFER_OFFERED,
            purpose=purpose,
            result=f"offered to {receiver}",
            measured=measured,
            payload={"transfer": str(transfer.pk), "receiver": str(receiver.pk)},
            also=[transfer],
        )
    return transfer


def accept_transfer(*, actor: Actor, transfer: Transfer) -> Transfer:
    """Accept custody offered to the actor, after the hash was checked.

    Raises PermissionDenied, CustodyConflict, ExhibitUnavailable.
    """
    exhibit = _require_receiver(actor, transfer)
    measured = measure(usable(exhibit))
    if measured != exhibit.sha256:
        raise CustodyConflict(
            "mismatch",
            _("The bytes of %(label)s have changed. Run an integrity check.")
            % {"label": exhibit.label},
        )
    with audited():
        exhibit = _lock(exhibit)
        transfer = _answer(transfer, Transfer.Status.ACCEPTED)
        exhibit.custodian = transfer.receiver
        exhibit.save(update_fields=["custodian"])
        _log(
            actor,
            exhibit,
            Kind.TRANSFER_ACCEPTED,
            Action.EVIDENCE_TRANSFER_ACCEPTED,
            purpose=transfer.purpose,
            measured=measured,
            payload={"transfer": str(transfer.pk)},
            also=[transfer],
        )
    return transfer


def decline_transfer(*, actor: Actor, transfer: Transfer, reason: str) -> Transfer:
    """Decline custody offered to the actor. Raises PermissionDenied, CustodyConflict."""
    exhibit = _require_receiver(actor, transfer)
    reason = required_text(reason, "reason")
    with audited():
        exhibit = _lock(exhibit)
        transfer = _answer(transfer, Transfer.Status.DECLINED)
        _log(
            actor,
            exhibit,
            Kind.TRANSFER_DECLINED,
            Action.EVIDENCE_TRANSFER_DECLINED,
            purpose=transfer.purpose,
            result=reason,
            payload={"transfer": str(transfer.pk)},
            also=[transfer],
        )
    return transfer


def _record_measured(
    actor: Actor,
    exhibit: Exhibit,
    kind: Kind,
    action: Action,
    *,
    purpose: str,
    authority: str = "",
    result: str = "",
    payload: dict[str, str] | None = None,
) -> CustodyEvent:
    exhibit = usable(exhibit)
    measured = measure(exhibit)
    if measured != exhibit.sha256:
        raise CustodyConflict(
            "mismatch",
            _("The bytes of %(label)s have changed. Run an integrity check.")
            % {"label": exhibit.label},
        )
    with audited():
        return _log(
            actor,
            exhibit,
            kind,
            action,
            purpose=purpose,
            authority=authority,
            result=result,
            measured=measured,
            payload=payload,
        )


def _log(
    actor: Actor,
    exhibit: Exhibit,
    kind: Kind,
    action: Action,
    *,
    purpose: str = "",
    authority: str = "",
    result: str = "",
    measured: str = "",
    payload: dict[str, str] | None = None,
    also: Iterable[AuditedModel] = (),
) -> CustodyEvent:
    event = log_custody(
        actor=actor,
        exhibit=exhibit,
        kind=kind,
        purpose=purpose,
        authority=authority,
        result=result,
        before=measured,
        after=measured,
    )
    append(
        actor=actor,
        action=action,
        subject=exhibit,
        case_id=exhibit.case_id,
        payload={
            "sha256": measured,
            "purpose_sha256": text_sha256(purpose),
            "result_sha256": text_sha256(result),
            **(payload or {}),
        },
        also=[event, *also],
    )
    return event


def _lock(exhibit: Exhibit) -> Exhibit:
    locked: Exhibit = (
        Exhibit.objects.select_for_update(of=("self",)).select_related("case").get(pk=exhibit.pk)
    )
    if locked.state == Exhibit.State.DESTROYED:
        raise unavailable(locked)
    return locked


def _require_receiver(actor: Actor, transfer: Transfer) -> Exhibit:
    require(actor, transfer.exhibit.case, CaseAction.TRANSFER)
    if actor.kind != "user" or actor.user != transfer.receiver:
        deny(actor, transfer.exhibit.case, "answer_for_the_receiver")
    return transfer.exhibit


def _answer(transfer: Transfer, status: Transfer.Status) -> Transfer:
    row: Transfer = Transfer.objects.select_for_update().get(pk=transfer.pk)
    if row.status != Transfer.Status.OFFERED:
        raise CustodyConflict(
            "answered",
            _("This offer was %(status)s already.") % {"status": row.get_status_display().lower()},
        )
    row.status, row.answered_at = status, timezone.now()
    row.save(update_fields=["status", "answered_at"])
    return row
