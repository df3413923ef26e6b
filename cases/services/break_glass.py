"""Emergency access of administrators to a case, with reason, time limit and alert."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actors import Actor
from accounts.models import User
from audit.actions import Action
from audit.services import append
from audit.transactions import audited
from cases.alerts import raise_alert
from cases.errors import InvalidInput
from cases.models import BreakGlass, Case
from cases.permissions import CaseAction, allowed, deny
from cases.validation import required_text

MAX_HOURS = 24


def open_break_glass(*, actor: Actor, case: Case, reason: str, hours: int = 1) -> BreakGlass:
    """Give an administrator access for 1 to 24 hours; the case's managers are alerted at once.

    Raises PermissionDenied, InvalidInput.
    """
    person = _require_administrator(actor, case)
    reason = required_text(reason, "reason", limit=2000)
    if not 1 <= hours <= MAX_HOURS:
        raise InvalidInput("hours", _("Choose 1 to %(most)s hours.") % {"most": MAX_HOURS})
    with audited():
        access: BreakGlass = BreakGlass.objects.create(
            case=case,
            user=person,
            reason=reason,
            expires_at=timezone.now() + timedelta(hours=hours),
        )
        append(
            actor=actor,
            action=Action.CASE_BREAK_GLASS_OPENED,
            subject=access,
            case_id=case.pk,
            payload={"reason": reason, "hours": hours},
        )
        raise_alert(
            case=case,
            kind="case.break_glass_opened",
            text=f"Administrator {person} opened case {case.number} for {hours} h: {reason}",
        )
    return access


def end_break_glass(*, actor: Actor, access: BreakGlass) -> BreakGlass:
    """End emergency access now; its holder or a manager may. Raises PermissionDenied."""
    own = actor.kind == "user" and actor.user == access.user
    if not own and not allowed(actor, access.case, CaseAction.MANAGE):
        deny(actor, access.case, "end_break_glass")
    with audited():
        access = BreakGlass.objects.select_for_update().get(pk=access.pk)
        access.expires_at = min(access.expires_at, timezone.now())
        access.save(update_fields=["expires_at"])
        append(
            actor=actor,
            action=Action.CASE_BREAK_GLASS_ENDED,
            subject=access,
            case_id=access.case_id,
        )
    return access


def _require_administrator(actor: Actor, case: Case) -> User:
    person = actor.user
    if (
        actor.kind != "user"
        or person is None
        or not person.is_active
        or not person.is_administrator
    ):
        deny(actor, case, "break_glass")
    return person
