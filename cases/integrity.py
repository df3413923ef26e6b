"""Checking every stored original, for the daily task and the command."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import F

from accounts.actors import Actor
from cases.errors import StoreError
from cases.models import Exhibit
from cases.permissions import CaseAction
from cases.services.integrity import verify_exhibit


@dataclass(frozen=True)
class Check:
    """One exhibit and what its check found: ``unchanged``, ``changed`` or ``unreadable``."""

    exhibit: Exhibit
    outcome: str
    detail: str = ""


def check_exhibits(*, actor: Actor, case_number: str = "") -> Iterator[Check]:
    """Re-hash every exhibit that still exists (of one case, if named), oldest check first.

    Mismatches freeze the exhibit and alert, as ``verify_exhibit`` does. A store that cannot be
    read says nothing about the exhibit: it is reported, and nothing is frozen.
    """
    exhibits = Exhibit.objects.restrict(actor, CaseAction.VERIFY).select_related("case")
    exhibits = exhibits.exclude(state=Exhibit.State.DESTROYED).order_by(
        F("last_verified_at").asc(nulls_first=True)
    )
    if case_number:
        exhibits = exhibits.filter(case__number=case_number)
    for exhibit in list(exhibits):
        try:
            unchanged = verify_exhibit(actor=actor, exhibit=exhibit)
        except (StoreError, OSError) as error:
            yield Check(exhibit, "unreadable", str(error))
        else:
            yield Check(exhibit, "unchanged" if unchanged else "changed")
