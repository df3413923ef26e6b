"""Redis may be flushed and workers may die at any moment: the database says what is left to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.utils import timezone

from detection import queue
from detection.models import Analysis, AnalysisStatus
from detection.services import recover_lost

logger = structlog.get_logger(__name__)

# A worker is given up after this many beats that did not come.
MISSED_BEATS = 6


@dataclass(frozen=True)
class Reconciled:
    """What one round did: analyses put on the queue, taken from dead workers, given up."""

    enqueued: int = 0
    recovered: int = 0
    failed: int = 0


def reconcile() -> Reconciled:
    """Recover analyses of dead workers, then enqueue every queued one that has no job.

    Raises redis.exceptions.RedisError when Redis does not answer.
    """
    recovered = [_recover(analysis) for analysis in _silent()]
    waiting = queue.waiting_job_ids()
    orphans = [
        analysis
        for analysis in Analysis.objects.filter(status=AnalysisStatus.QUEUED).order_by("created_at")
        if queue.job_id(analysis) not in waiting
    ]
    done = Reconciled(
        enqueued=sum(queue.enqueue(analysis) for analysis in orphans),
        recovered=recovered.count(AnalysisStatus.QUEUED),
        failed=recovered.count(AnalysisStatus.FAILED),
    )
    if done != Reconciled():
        logger.info("reconciled", enqueued=done.enqueued, recovered=done.recovered)
    return done


def _silent() -> list[Analysis]:
    rows = Analysis.objects.filter(
        status=AnalysisStatus.RUNNING, heartbeat_at__lt=_oldest_credible_beat()
    )
    return list(rows)


def _oldest_credible_beat() -> datetime:
    return timezone.now() - timedelta(seconds=MISSED_BEATS * settings.DFD.heartbeat_s)


def _recover(analysis: Analysis) -> AnalysisStatus | None:
    return recover_lost(analysis=analysis, stale_before=_oldest_credible_beat())
