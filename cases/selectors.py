"""Every read of cases and evidence, already restricted to what the actor may see.

``get_*`` raise the model's DoesNotExist for rows that do not exist and for rows the actor may not
see alike, so that a refusal never tells that something exists.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Q, QuerySet

from accounts.actors import Actor
from accounts.models import User
from cases import querysets
from cases.models import (
    BreakGlass,
    Case,
    CaseMembership,
    CustodyEvent,
    DestructionRequest,
    Exhibit,
    LegalHold,
    Note,
    SavedView,
    Transfer,
    Upload,
)
from cases.permissions import CaseAction
from cases.permissions import actions_in as actions_in


def cases_for(actor: Actor, *, status: str = "", search: str = "") -> QuerySet[Any]:
    """Cases the actor may see, newest first; ``search`` in number, title, description, exhibits."""
    cases = Case.objects.restrict(actor, CaseAction.VIEW)
    if status:
        cases = cases.filter(status=status)
    if search:
        cases = cases.filter(pk__in=_cases_with(search))
    return cases


def _cases_with(text: str) -> QuerySet[Any, Any]:
    """Ids of the cases that hold ``text``, whoever may see them.

    A union rather than an OR over two tables, which would keep PostgreSQL from its indexes.
    """
    own = Case.objects.filter(
        Q(number__icontains=text) | Q(title__icontains=text) | Q(description__icontains=text)
    )
    exhibits = Exhibit.objects.filter(Q(name__icontains=text) | querysets.with_hash(text))
    return own.order_by().values("pk").union(exhibits.order_by().values("case_id"))


def cases_to_contribute(actor: Actor) -> QuerySet[Any]:
    """Open cases the actor may add evidence to, newest first."""
    return Case.objects.restrict(actor, CaseAction.CONTRIBUTE).filter(status=Case.Status.OPEN)


def exhibit_counts(cases: Iterable[Case]) -> dict[uuid.UUID, int]:
    """How many exhibits each of ``cases`` holds; cases without any are left out."""
    rows = Exhibit.objects.filter(case__in=list(cases)).order_by().values_list("case")
    return dict(rows.annotate(n=Count("pk")))


def get_case(actor: Actor, number: str) -> Case:
    """The case of this number. Raises Case.DoesNotExist."""
    case: Case = Case.objects.restrict(actor, CaseAction.VIEW).get(number=number)
    return case


def get_case_by_id(actor: Actor, case_id: uuid.UUID | str) -> Case:
    """The case of this id. Raises Case.DoesNotExist."""
    case: Case = Case.objects.restrict(actor, CaseAction.VIEW).get(pk=case_id)
    return case


def members_of(actor: Actor, case: Case) -> QuerySet[Any]:
    """Memberships of the case with their users."""
    rows = CaseMembership.objects.restrict(actor, CaseAction.VIEW).filter(case=case)
    return rows.select_related("user")


def exhibits_for(actor: Actor) -> QuerySet[Any]:
    """Exhibits of every case the actor may see, with their case."""
    return Exhibit.objects.restrict(actor, CaseAction.VIEW).select_related("case")


def exhibits_of(actor: Actor, case: Case) -> QuerySet[Any]:
    """The case's exhibits in the order of their numbers."""
    return exhibits_for(actor).filter(case=case).order_by("number")


def get_exhibit(actor: Actor, exhibit_id: uuid.UUID | str) -> Exhibit:
    """The exhibit of this id. Raises Exhibit.DoesNotExist."""
    exhibit: Exhibit = exhibits_for(actor).get(pk=exhibit_id)
    return exhibit


def get_exhibit_by_number(actor: Actor, case_number: str, number: int) -> Exhibit:
    """The exhibit ``case_number/number``. Raises Exhibit.DoesNotExist."""
    rows = exhibits_for(actor).select_related("custodian")
    exhibit: Exhibit = rows.get(case__number=case_number, number=number)
    return exhibit


def same_content(actor: Actor, exhibit: Exhibit) -> QuerySet[Any]:
    """Other exhibits with the same bytes, in cases the actor may see. Others stay unnamed."""
    return exhibits_for(actor).filter(sha256=exhibit.sha256).exclude(pk=exhibit.pk)


def custody_of(actor: Actor, exhibit: Exhibit) -> QuerySet[Any]:
    """The exhibit's custody events, oldest first."""
    return CustodyEvent.objects.restrict(actor, CaseAction.VIEW).filter(exhibit=exhibit)


def notes_of(actor: Actor, case: Case, exhibit: Exhibit | None = None) -> QuerySet[Any]:
    """Notes of the case, or only those on one exhibit, oldest first."""
    notes = Note.objects.restrict(actor, CaseAction.VIEW_FINDINGS).filter(case=case)
    return notes if exhibit is None else notes.filter(exhibit=exhibit)


def holds_of(actor: Actor, case: Case) -> QuerySet[Any]:
    """Legal holds of the case, released ones included."""
    return LegalHold.objects.restrict(actor, CaseAction.VIEW).filter(case=case)


def transfers_of(actor: Actor, exhibit: Exhibit) -> QuerySet[Any]:
    """Transfers of the exhibit, newest first."""
    rows = Transfer.objects.restrict(actor, CaseAction.VIEW).filter(exhibit=exhibit)
    return rows.select_related("receiver")


def transfers_waiting_for(actor: Actor) -> QuerySet[Any]:
    """Offers of custody that wait for the actor's own answer."""
    rows = Transfer.objects.restrict(actor, CaseAction.TRANSFER)
    return rows.filter(receiver=actor.user, status=Transfer.Status.OFFERED)


def destruction_requests_of(actor: Actor, case: Case) -> QuerySet[Any]:
    """Requests to destroy exhibits of the case, with certificates where carried out."""
    rows = DestructionRequest.objects.restrict(actor, CaseAction.VIEW)
    return rows.filter(exhibit__case=case).select_related("exhibit__case", "certificate")


def uploads_of(actor: Actor) -> QuerySet[Any]:
    """The actor's own uploads in cases to which they may contribute."""
    rows = Upload.objects.restrict(actor, CaseAction.CONTRIBUTE)
    return rows.filter(owner=actor.user).select_related("case")


def break_glass_of(actor: Actor, case: Case) -> QuerySet[Any]:
    """Emergency accesses to the case, newest first."""
    rows = BreakGlass.objects.restrict(actor, CaseAction.VIEW).filter(case=case)
    return rows.select_related("user")


def saved_views_of(user: User) -> QuerySet[SavedView]:
    """The person's own views of the case table, by name."""
    return SavedView.objects.filter(user=user)
