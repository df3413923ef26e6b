"""Custody for reading: a person who looks at an exhibit again and again makes one line a day.

Only the page is shortened. The events themselves, and the ledger, keep every single view.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Max, Q, QuerySet
from django.db.models.functions import TruncDate

from cases.models import CustodyEvent

VIEWED = CustodyEvent.Kind.VIEWED
PER_DAY = ("exhibit_id", "actor_kind", "actor_id", "day")
Key = tuple[Any, str, str, date]


@dataclass(frozen=True)
class Line:
    """One event; ``times`` counts the views of the same exhibit, person and day (UTC)."""

    event: CustodyEvent
    times: int = 1


def newest_views(events: QuerySet[Any]) -> QuerySet[Any]:
    """``events`` with only the newest view of each exhibit, person and day."""
    kept = _views(events).annotate(newest=Max("id")).values("newest")
    return events.filter(~Q(kind=VIEWED) | Q(pk__in=kept))


def lines(events: QuerySet[Any], shown: Iterable[CustodyEvent]) -> list[Line]:
    """``shown`` as lines, views with the number of all like them in ``events``."""
    listed = list(shown)
    exhibits = {event.exhibit_id for event in listed if event.kind == VIEWED}
    counted = _views(events.filter(exhibit__in=exhibits)).annotate(times=Count("id"))
    times: dict[Key, int] = {
        tuple(row[name] for name in PER_DAY): row["times"] for row in (counted if exhibits else ())
    }
    return [
        Line(event, times.get(_key(event), 1) if event.kind == VIEWED else 1) for event in listed
    ]


def _views(events: QuerySet[Any]) -> QuerySet[Any, dict[str, Any]]:
    views = events.filter(kind=VIEWED).order_by()
    grouped: QuerySet[Any, dict[str, Any]] = views.annotate(day=TruncDate("occurred_at")).values(
        *PER_DAY
    )
    return grouped


def _key(event: CustodyEvent) -> Key:
    return (event.exhibit_id, event.actor_kind, event.actor_id, event.occurred_at.date())
