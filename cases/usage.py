"""How many bytes of evidence somebody added, for their quota."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, Sum

from accounts.quotas import Holder
from cases.models import Exhibit


def bytes_received(holders: Iterable[Holder], since: datetime) -> int:
    """Bytes of the exhibits that any of ``holders`` handed in since then."""
    theirs = Q(pk__in=[])
    for kind, holder in holders:
        theirs |= Q(received_by_kind=kind, received_by_id=holder)
    rows = Exhibit.objects.filter(theirs, received_at__gte=since)
    return int(rows.aggregate(total=Sum("size"))["total"] or 0)
