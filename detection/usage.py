"""How many analyses somebody asked for, for their quota."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q

from accounts.quotas import Holder
from detection.models import Analysis


def analyses_submitted(holders: Iterable[Holder], since: datetime) -> int:
    """Analyses that any of ``holders`` submitted since then, whatever became of them."""
    theirs = Q(pk__in=[])
    for kind, holder in holders:
        theirs |= Q(submitted_by_kind=kind, submitted_by_id=holder)
    return int(Analysis.objects.filter(theirs, created_at__gte=since).count())
