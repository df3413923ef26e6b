"""Who may do what in a case: one table from role to actions, and the two questions asked of it.

Everything that reads or writes case content asks here: querysets through ``access_filter`` (behind
``Model.objects.restrict``), services through ``require``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NoReturn

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.actors import Actor
from accounts.errors import RecordedRefusal
from accounts.models import User
from accounts.scopes import Scope
from audit.actions import Action
from audit.services import append

if TYPE_CHECKING:
    from cases.models import Case


class CaseAction(StrEnum):
    """What can be done to a case or to something in it."""

    VIEW = "view"  # the case, its exhibits and their custody
    VIEW_FINDINGS = "view_findings"  # analyses, artefacts, notes, reviews
    DOWNLOAD = "download"  # the original bytes
    CONTRIBUTE = "contribute"  # add evidence
    ANNOTATE = "annotate"  # add notes
    ANALYSE = "analyse"  # submit, cancel and rerun analyses
    REVIEW = "review"  # opinion, sign-off, dissent
    VERIFY = "verify"  # re-hash an exhibit on demand
    TRANSFER = "transfer"  # hand over or accept custody, record a return
    EXPORT = "export"  # reports and bundles
    MANAGE = "manage"  # members, title, close, reopen, holds
    DESTROY = "destroy"  # request or approve destruction


class CaseRole(models.TextChoices):
    """The part a member plays in one case."""

    MANAGER = "manager", _("Manager")
    EXAMINER = "examiner", _("Examiner")
    REVIEWER = "reviewer", _("Reviewer")
    VIEWER = "viewer", _("Viewer")
    INTAKE = "intake", _("Intake")


class Standing(StrEnum):
    """Access that does not come from membership."""

    AUDITOR = "auditor"
    BREAK_GLASS = "break_glass"
    WORKER = "worker"
    SYSTEM = "system"


_A = CaseAction
ROLE_ACTIONS: dict[CaseRole | Standing, frozenset[CaseAction]] = {
    CaseRole.MANAGER: frozenset(CaseAction),
    CaseRole.EXAMINER: frozenset(CaseAction) - {_A.MANAGE, _A.DESTROY},
    CaseRole.REVIEWER: frozenset(
        {_A.VIEW, _A.VIEW_FINDINGS, _A.DOWNLOAD, _A.ANNOTATE, _A.REVIEW, _A.VERIFY}
    ),
    CaseRole.VIEWER: frozenset({_A.VIEW, _A.VIEW_FINDINGS}),
    CaseRole.INTAKE: frozenset({_A.VIEW, _A.CONTRIBUTE, _A.TRANSFER}),
    Standing.AUDITOR: frozenset({_A.VIEW, _A.VIEW_FINDINGS, _A.DOWNLOAD}),
    # Enough to look and to put a manager in place; evidence is not an administrator's to change.
    Standing.BREAK_GLASS: frozenset({_A.VIEW, _A.VIEW_FINDINGS, _A.DOWNLOAD, _A.MANAGE}),
    Standing.WORKER: frozenset({_A.VIEW, _A.VIEW_FINDINGS, _A.DOWNLOAD, _A.ANALYSE, _A.VERIFY}),
    Standing.SYSTEM: frozenset(CaseAction),
}

# A key needs any one of these scopes besides its owner's role. An empty set: people only.
ACTION_SCOPES: dict[CaseAction, frozenset[Scope]] = {
    _A.VIEW: frozenset({Scope.CASE_READ, Scope.EVIDENCE_READ}),
    _A.VIEW_FINDINGS: frozenset({Scope.ANALYSIS_READ}),
    _A.DOWNLOAD: frozenset({Scope.EVIDENCE_READ}),
    _A.CONTRIBUTE: frozenset({Scope.EVIDENCE_WRITE}),
    _A.ANNOTATE: frozenset({Scope.CASE_WRITE}),
    _A.ANALYSE: frozenset({Scope.ANALYSIS_RUN}),
    _A.REVIEW: frozenset(),
    _A.VERIFY: frozenset({Scope.EVIDENCE_READ}),
    _A.TRANSFER: frozenset({Scope.EVIDENCE_WRITE}),
    _A.EXPORT: frozenset({Scope.EXPORT_CREATE}),
    _A.MANAGE: frozenset({Scope.CASE_WRITE}),
    _A.DESTROY: frozenset(),
}

NOTHING = Q(pk__in=[])
EVERYTHING = ~NOTHING


def roles_with(action: CaseAction) -> list[str]:
    """The membership roles whose holders may do ``action``."""
    return [role.value for role in CaseRole if action in ROLE_ACTIONS[role]]


def access_filter(actor: Actor, action: CaseAction, case_path: str) -> Q:
    """The rows ``actor`` may reach for ``action``.

    ``case_path`` leads from the row to its case (``""`` for Case itself, ``"exhibit__case"`` ...).
    """
    if actor.kind in (Standing.WORKER, Standing.SYSTEM) and actor.id != "anonymous":
        return EVERYTHING if action in ROLE_ACTIONS[Standing(actor.kind)] else NOTHING
    if actor.user is None or not actor.user.is_active:
        return NOTHING
    if actor.user.site_role == "auditor":
        granted = EVERYTHING if action in ROLE_ACTIONS[Standing.AUDITOR] else NOTHING
    else:
        granted = _membership(actor, action, case_path)
    if actor.user.site_role == "administrator" and action in ROLE_ACTIONS[Standing.BREAK_GLASS]:
        granted |= _break_glass(actor, case_path)
    if actor.api_key is not None:
        granted &= _key_bounds(actor, action, case_path)
    return granted


def allowed(actor: Actor, case: Case, action: CaseAction) -> bool:
    """Whether ``actor`` may do ``action`` in ``case``. Asks only; nothing is recorded."""
    return action in actions_in(actor, case)


def actions_in(actor: Actor, case: Case) -> frozenset[CaseAction]:
    """Everything the actor may do in the case, in two queries; for pages that offer it."""
    offered = frozenset().union(*(ROLE_ACTIONS[s] for s in _standings(actor, case)))
    if actor.api_key is None:
        return offered
    if actor.api_key.case_id not in (None, case.pk):
        return frozenset()
    return frozenset(a for a in offered if any(map(actor.has_scope, ACTION_SCOPES[a])))


def require(actor: Actor, case: Case, action: CaseAction) -> None:
    """Raise ``PermissionDenied`` unless allowed; the refusal is recorded on the case's ledger.

    Call before opening the transaction of the change: inside it, the record of the refusal would
    be rolled back together with the change.
    """
    if not allowed(actor, case, action):
        deny(actor, case, action.value)


def require_person(actor: Actor, case: Case, action: CaseAction) -> User:
    """The person who acts, for what no key and no program may do. Raises as ``require``."""
    require(actor, case, action)
    if actor.kind != "user" or actor.user is None:
        deny(actor, case, action.value)
    return actor.user


def deny(actor: Actor, case: Case, what: str) -> NoReturn:
    """Record the refusal of ``what`` on the case's ledger and raise ``PermissionDenied``."""
    with transaction.atomic():
        append(
            actor=actor,
            action=Action.PERMISSION_DENIED,
            subject=case,
            case_id=case.pk,
            payload={"action": what},
        )
    raise RecordedRefusal(f"You may not {what.replace('_', ' ')} in this case.")


def _standings(actor: Actor, case: Case) -> list[CaseRole | Standing]:
    """Every line of the table that applies to the actor in this case."""
    if actor.kind in (Standing.WORKER, Standing.SYSTEM) and actor.id != "anonymous":
        return [Standing(actor.kind)]
    if actor.user is None or not actor.user.is_active:
        return []
    if actor.user.site_role == "auditor":
        return [Standing.AUDITOR]
    roles = case.memberships.filter(user=actor.user).values_list("role", flat=True)
    found: list[CaseRole | Standing] = [CaseRole(role) for role in roles]
    if actor.user.site_role == "administrator":
        open_glass = case.break_glass.filter(user=actor.user, expires_at__gt=timezone.now())
        if open_glass.exists():
            found.append(Standing.BREAK_GLASS)
    return found


def _path(case_path: str, field: str) -> str:
    return f"{case_path}__{field}" if case_path else field


def _case_in(case_path: str, cases: models.QuerySet[models.Model, object]) -> Q:
    # A subquery rather than a join, so one row is never returned twice.
    return Q(**{_path(case_path, "pk__in"): cases})


def _membership(actor: Actor, action: CaseAction, case_path: str) -> Q:
    from cases.models import CaseMembership

    rows = CaseMembership.objects.filter(user=actor.user, role__in=roles_with(action))
    return _case_in(case_path, rows.values("case_id"))


def _break_glass(actor: Actor, case_path: str) -> Q:
    from cases.models import BreakGlass

    rows = BreakGlass.objects.filter(user=actor.user, expires_at__gt=timezone.now())
    return _case_in(case_path, rows.values("case_id"))


def _key_bounds(actor: Actor, action: CaseAction, case_path: str) -> Q:
    if not any(actor.has_scope(scope) for scope in ACTION_SCOPES[action]):
        return NOTHING
    if actor.api_key is None or actor.api_key.case_id is None:
        return EVERYTHING
    return Q(**{_path(case_path, "pk"): actor.api_key.case_id})
