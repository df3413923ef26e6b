"""Counts for people: how long the queue is and how long it takes."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Q
from django.utils import timezone

from detection.models import Analysis, AnalysisStatus

RECENT = 20
ALIVE = timedelta(minutes=2)


@dataclass(frozen=True)
class QueueState:
    """The whole platform's queue. ``wait_s`` is None until some analyses have finished."""

    queued: int
    running: int
    stalled: int
    typical_s: float | None
    wait_s: float | None


def queue_state() -> QueueState:
    """What waits and runs now, and how long a new analysis would wait."""
    alive_since = timezone.now() - ALIVE
    counts = Analysis.objects.open().aggregate(
        queued=Count("pk", filter=Q(status=AnalysisStatus.QUEUED)),
        running=Count("pk", filter=Q(status=AnalysisStatus.RUNNING)),
        stalled=Count("pk", filter=Q(status=AnalysisStatus.RUNNING, heartbeat_at__lt=alive_since)),
        workers=Count("worker", filter=Q(status=AnalysisStatus.RUNNING), distinct=True),
    )
    typical = _typical_duration_s()
    wait = None
    if typical is not None:
        wait = (counts["queued"] + counts["running"] / 2) * typical / max(1, counts["workers"])
    return QueueState(counts["queued"], counts["running"], counts["stalled"], typical, wait)


def waiting_before(analysis: Analysis) -> int:
    """How many queued analyses come before this one; 0 when it does not wait."""
    if analysis.status != AnalysisStatus.QUEUED:
        return 0
    earlier = Analysis.objects.filter(
        status=AnalysisStatus.QUEUED, created_at__lt=analysis.created_at
    )
    return earlier.count()


def _typical_duration_s() -> float | None:
    finished = Analysis.objects.filter(
        status=AnalysisStatus.COMPLETE, started_at__isnull=False
    ).order_by("-finished_at")[:RECENT]
    durations = [
        (finish - start).total_seconds()
        for start, finish in finished.values_list("started_at", "finished_at")
        if start and finish
    ]
    return statistics.median(durations) if durations else None
