"""Cases and their members."""

from __future__ import annotations

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actors import Actor
from accounts.errors import RecordedRefusal
from accounts.models import User
from accounts.scopes import Scope
from audit.actions import Action
from audit.services import append
from audit.transactions import audited
from cases.errors import CaseClosed, CasesError, MembershipConflict
from cases.models import Case, CaseMembership, CaseYear
from cases.permissions import CaseAction, CaseRole, require
from cases.validation import required_text


def create_case(*, actor: Actor, title: str, description: str = "") -> Case:
    """Open a new case with the next number of the year; a person becomes its manager.

    Raises PermissionDenied for auditors, anonymous actors and keys without ``case:write`` or bound
    to another case, InvalidInput for an empty title.
    """
    _require_may_open_cases(actor)
    title = required_text(title, "title", limit=200)
    with audited():
        case = Case.objects.create(
            number=_next_number(),
            title=title,
            description=description.strip(),
            created_by=actor.user,
            created_by_label=actor.label,
        )
        members = []
        if actor.user is not None:
            members = [_add(case, actor.user, CaseRole.MANAGER, actor)]
        append(
            actor=actor,
            action=Action.CASE_CREATED,
            subject=case,
            case_id=case.pk,
            payload={"number": case.number, "manager": str(actor.user.pk) if actor.user else None},
            also=members,
        )
    return case


def edit_case(*, actor: Actor, case: Case, title: str, description: str) -> Case:
    """Change title and description. Raises PermissionDenied, CaseClosed, InvalidInput."""
    require(actor, case, CaseAction.MANAGE)
    title = required_text(title, "title", limit=200)
    with audited():
        case = lock_open(case)
        changed = [
            name
            for name, value in (("title", title), ("description", description.strip()))
            if getattr(case, name) != value
        ]
        case.title, case.description = title, description.strip()
        case.save(update_fields=["title", "description"])
        append(
            actor=actor,
            action=Action.CASE_EDITED,
            subject=case,
            case_id=case.pk,
            payload={"changed": changed},
        )
    return case


def close_case(*, actor: Actor, case: Case, reason: str = "") -> Case:
    """Close the case: nothing more may be added. Raises PermissionDenied, CaseClosed."""
    require(actor, case, CaseAction.MANAGE)
    with audited():
        case = lock_open(case)
        case.status, case.closed_at = Case.Status.CLOSED, timezone.now()
        case.save(update_fields=["status", "closed_at"])
        append(
            actor=actor,
            action=Action.CASE_CLOSED,
            subject=case,
            case_id=case.pk,
            payload={"reason": reason.strip()},
        )
    return case


def reopen_case(*, actor: Actor, case: Case, reason: str) -> Case:
    """Reopen a closed case. Raises PermissionDenied, InvalidInput without a reason."""
    require(actor, case, CaseAction.MANAGE)
    reason = required_text(reason, "reason")
    with audited():
        case = Case.objects.select_for_update().get(pk=case.pk)
        if case.is_open:
            raise CasesError("case_open", f"Case {case.number} is open already.")
        case.status, case.closed_at = Case.Status.OPEN, None
        case.save(update_fields=["status", "closed_at"])
        append(
            actor=actor,
            action=Action.CASE_REOPENED,
            subject=case,
            case_id=case.pk,
            payload={"reason": reason},
        )
    return case


def add_member(*, actor: Actor, case: Case, user: User, role: str) -> CaseMembership:
    """Give ``user`` a role in the case, or change it.

    Raises PermissionDenied; MembershipConflict for an unknown role, an auditor, an inactive
    account, oneself through broken glass, or a change that would leave the case without a manager.
    """
    require(actor, case, CaseAction.MANAGE)
    if role not in CaseRole.values:
        raise MembershipConflict(
            "role",
            _("%(role)r is no role. Use one of %(values)s.")
            % {"role": role, "values": CaseRole.values},
        )
    if user.site_role == "auditor":
        raise MembershipConflict("auditor", _("An auditor reads every case and joins none."))
    if not user.is_active:
        raise MembershipConflict("inactive", _("This account is not active."))
    with audited():
        Case.objects.select_for_update().get(pk=case.pk)
        membership = CaseMembership.objects.filter(case=case, user=user).first()
        action = Action.CASE_MEMBER_CHANGED if membership else Action.CASE_MEMBER_ADDED
        earlier = membership.role if membership else None
        if user == actor.user and earlier != CaseRole.MANAGER:
            # Only broken glass lets somebody else than a manager come this far.
            raise MembershipConflict(
                "emergency",
                _("Emergency access ends by itself and gives you no role. Name somebody else."),
            )
        if membership is None:
            membership = _add(case, user, role, actor)
        else:
            _keep_a_manager(case, membership, role)
            membership.role = role
            membership.save(update_fields=["role"])
        append(
            actor=actor,
            action=action,
            subject=membership,
            case_id=case.pk,
            payload={"user": str(user.pk), "role": role, "earlier_role": earlier},
        )
    return membership


def remove_member(*, actor: Actor, case: Case, user: User) -> None:
    """Take ``user`` out of the case.

    Raises PermissionDenied; MembershipConflict when not a member or the last manager.
    """
    require(actor, case, CaseAction.MANAGE)
    with audited():
        Case.objects.select_for_update().get(pk=case.pk)
        membership = CaseMembership.objects.filter(case=case, user=user).first()
        if membership is None:
            raise MembershipConflict("not_a_member", _("This person is not a member of the case."))
        _keep_a_manager(case, membership, None)
        membership.delete()
        append(
            actor=actor,
            action=Action.CASE_MEMBER_REMOVED,
            subject=membership,
            case_id=case.pk,
            payload={"user": str(user.pk), "role": membership.role},
        )


def record_case_view(*, actor: Actor, case: Case) -> None:
    """Record that the actor opened the case. Raises PermissionDenied."""
    require(actor, case, CaseAction.VIEW)
    with audited():
        append(actor=actor, action=Action.CASE_VIEWED, subject=case, case_id=case.pk)


def lock_open(case: Case) -> Case:
    """The case, locked until the transaction ends; CaseClosed when it is not open."""
    locked: Case = Case.objects.select_for_update().get(pk=case.pk)
    if not locked.is_open:
        raise CaseClosed(locked.number)
    return locked


def _require_may_open_cases(actor: Actor) -> None:
    person = actor.user
    key = actor.api_key
    refused = person is None or not person.is_active or person.site_role == "auditor"
    if actor.kind == "system" and actor.id != "anonymous":
        refused = False
    if key is not None and (key.case_id is not None or not actor.has_scope(Scope.CASE_WRITE)):
        refused = True
    if not refused:
        return
    with audited():
        append(
            actor=actor,
            action=Action.PERMISSION_DENIED,
            subject="cases.case",
            payload={"action": "create"},
        )
    raise RecordedRefusal(_("You may not open cases."))


def _next_number() -> str:
    year = timezone.now().year
    CaseYear.objects.bulk_create([CaseYear(year=year)], ignore_conflicts=True)
    # UPDATE takes the row lock; the number read after it is ours until the transaction ends.
    CaseYear.objects.filter(year=year).update(last_number=F("last_number") + 1)
    return f"{year}-{CaseYear.objects.get(year=year).last_number:04d}"


def _add(case: Case, user: User, role: str, actor: Actor) -> CaseMembership:
    membership: CaseMembership = CaseMembership.objects.create(
        case=case, user=user, role=role, added_by_label=actor.label
    )
    return membership


def _keep_a_manager(case: Case, leaving: CaseMembership, new_role: str | None) -> None:
    if leaving.role != CaseRole.MANAGER or new_role == CaseRole.MANAGER:
        return
    others = CaseMembership.objects.filter(case=case, role=CaseRole.MANAGER).exclude(pk=leaving.pk)
    if not others.exists():
        raise MembershipConflict(
            "last_manager", _("A case needs a manager. Name another manager first.")
        )
