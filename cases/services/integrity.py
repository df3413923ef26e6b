"""Opening originals and checking that they are still what was received."""

from __future__ import annotations

from pathlib import Path

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.actors import Actor
from audit.actions import Action
from audit.services import append
from audit.transactions import audited
from cases.alerts import raise_alert
from cases.custody_log import log_custody
from cases.errors import CasesError, ExhibitUnavailable, StoreError
from cases.models import CustodyEvent, Exhibit
from cases.permissions import CaseAction, Standing, require
from cases.storage import evidence_store
from cases.validation import required_text

UNAVAILABLE = {
    Exhibit.State.FROZEN: _("Exhibit %(label)s is frozen because an integrity check failed."),
    Exhibit.State.QUARANTINED: _(
        "Exhibit %(label)s is kept in quarantine because malware was found in it."
    ),
    Exhibit.State.DESTROYED: _("Exhibit %(label)s was destroyed."),
}


def open_exhibit(*, actor: Actor, exhibit: Exhibit, purpose: str) -> Path:
    """The local path of the original for reading, after its hash was checked.

    For people and keys this is a download: a custody event and a ledger entry with ``purpose``.
    A worker records what it did with ``record_analysis`` when it is done.
    Raises PermissionDenied, ExhibitUnavailable; a mismatch freezes the exhibit first.
    """
    require(actor, exhibit.case, CaseAction.DOWNLOAD)
    exhibit = usable(exhibit)
    measured = measure(exhibit)
    if measured != exhibit.sha256:
        _freeze(actor, exhibit, measured, purpose)
        exhibit.refresh_from_db()
        raise unavailable(exhibit)
    if actor.kind not in (Standing.WORKER, Standing.SYSTEM):
        with audited():
            event = log_custody(
                actor=actor,
                exhibit=exhibit,
                kind=CustodyEvent.Kind.DOWNLOADED,
                purpose=purpose,
                before=measured,
                after=measured,
            )
            append(
                actor=actor,
                action=Action.EVIDENCE_DOWNLOADED,
                subject=exhibit,
                case_id=exhibit.case_id,
                payload={"sha256": measured, "purpose": purpose},
                also=[event],
            )
    return evidence_store().path(exhibit.storage_key)


def verify_exhibit(*, actor: Actor, exhibit: Exhibit, purpose: str = "integrity check") -> bool:
    """Re-hash the stored bytes and compare. A mismatch freezes the exhibit and alerts.

    Raises PermissionDenied, ExhibitUnavailable for a destroyed exhibit.
    """
    require(actor, exhibit.case, CaseAction.VERIFY)
    exhibit.refresh_from_db()
    if exhibit.state == Exhibit.State.DESTROYED:
        raise unavailable(exhibit)
    measured = measure(exhibit)
    if measured != exhibit.sha256:
        _freeze(actor, exhibit, measured, purpose)
        return False
    with audited():
        exhibit.last_verified_at = timezone.now()
        exhibit.save(update_fields=["last_verified_at"])
        event = log_custody(
            actor=actor,
            exhibit=exhibit,
            kind=CustodyEvent.Kind.VERIFIED,
            purpose=purpose,
            result="unchanged",
            before=exhibit.sha256,
            after=measured,
        )
        append(
            actor=actor,
            action=Action.EVIDENCE_VERIFIED,
            subject=exhibit,
            case_id=exhibit.case_id,
            payload={"sha256": measured},
            also=[event],
        )
    return True


def unfreeze_exhibit(*, actor: Actor, exhibit: Exhibit, reason: str) -> Exhibit:
    """Make a frozen exhibit usable again, once its bytes are the original ones (a restored backup).

    Raises PermissionDenied, InvalidInput, CasesError ``not_frozen`` or ``mismatch``.
    """
    require(actor, exhibit.case, CaseAction.MANAGE)
    reason = required_text(reason, "reason")
    measured = measure(exhibit)
    with audited():
        exhibit = Exhibit.objects.select_for_update().get(pk=exhibit.pk)
        if exhibit.state != Exhibit.State.FROZEN:
            raise CasesError("not_frozen", f"Exhibit {exhibit.label} is not frozen.")
        if measured != exhibit.sha256:
            raise CasesError(
                "mismatch",
                f"The stored bytes of {exhibit.label} still differ. Restore the original first.",
            )
        exhibit.state, exhibit.state_reason = Exhibit.State.STORED, ""
        exhibit.save(update_fields=["state", "state_reason"])
        event = log_custody(
            actor=actor,
            exhibit=exhibit,
            kind=CustodyEvent.Kind.UNFROZEN,
            purpose=reason,
            before=exhibit.sha256,
            after=measured,
        )
        append(
            actor=actor,
            action=Action.EVIDENCE_UNFROZEN,
            subject=exhibit,
            case_id=exhibit.case_id,
            payload={"sha256": measured, "reason": reason},
            also=[event],
        )
    return exhibit


def usable(exhibit: Exhibit) -> Exhibit:
    """The exhibit as it is now. Raises ExhibitUnavailable when its bytes may not be used."""
    fresh: Exhibit = Exhibit.objects.select_related("case").get(pk=exhibit.pk)
    if fresh.state != Exhibit.State.STORED:
        raise unavailable(fresh)
    return fresh


def unavailable(exhibit: Exhibit) -> ExhibitUnavailable:
    """The error that says why the exhibit's bytes may not be used."""
    reason = UNAVAILABLE[Exhibit.State(exhibit.state)]
    return ExhibitUnavailable(str(exhibit.state), reason % {"label": exhibit.label})


def measure(exhibit: Exhibit) -> str:
    """SHA-256 of the stored bytes now; empty when nothing is there.

    The size is part of the hash, so one comparison is enough.
    """
    try:
        return evidence_store().digests(exhibit.storage_key).sha256
    except StoreError as error:
        if error.code != "missing":
            raise
        return ""


def _freeze(actor: Actor, exhibit: Exhibit, measured: str, purpose: str) -> None:
    """Freeze every exhibit that rests on the damaged bytes, each with its own records."""
    what = "changed" if measured else "gone"
    with audited():
        for damaged in (
            Exhibit.objects.select_for_update(of=("self",))
            .filter(storage_key=exhibit.storage_key)
            .exclude(state=Exhibit.State.DESTROYED)
            .select_related("case")
        ):
            if damaged.state == Exhibit.State.STORED:  # quarantine is not lifted by a freeze
                damaged.state = Exhibit.State.FROZEN
                damaged.state_reason = f"The stored bytes are {what}."
            damaged.save(update_fields=["state", "state_reason"])
            event = log_custody(
                actor=actor,
                exhibit=damaged,
                kind=CustodyEvent.Kind.FROZEN,
                purpose=purpose,
                result=f"the stored bytes are {what}",
                before=damaged.sha256,
                after=measured,
            )
            append(
                actor=actor,
                action=Action.EVIDENCE_MISMATCH,
                subject=damaged,
                case_id=damaged.case_id,
                payload={"expected": damaged.sha256, "measured": measured},
                also=[event],
            )
            raise_alert(
                case=damaged.case,
                kind="evidence.mismatch",
                text=f"Exhibit {damaged.label} failed its integrity check: the stored bytes are "
                f"{what}. It is frozen until the original is restored.",
                exhibit=damaged,
            )
