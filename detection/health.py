"""How busy the platform is: what waits, who works, how long a new analysis will wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from statistics import mean

from django.conf import settings
from django.db.models import Count, Min, Q
from django.utils import timezone
from django_rq import get_queue
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.worker import BaseWorker

from detection import queue
from detection.models import Analysis, AnalysisStatus
from detection.reconciler import MISSED_BEATS
from detection.worker import WORKER_TTL_S

RECENT = 20


@dataclass(frozen=True)
class QueueHealth:
    """Counts, and seconds. ``expected_wait_s`` is None when nothing can be said: no worker, or no
    analysis has finished yet. ``redis``: it answers; the worker counts are 0 when it does not."""

    redis: bool
    workers: int
    light_workers: int
    queued: int
    running: int
    silent: int
    light_jobs: int
    failed_light_jobs: int
    oldest_wait_s: float
    mean_duration_s: float | None
    expected_wait_s: float | None


def queue_health() -> QueueHealth:
    """The state of the queues now; never raises for a Redis that does not answer."""
    now = timezone.now()
    beat = timedelta(seconds=settings.DFD.heartbeat_s)
    waiting, running = Q(status=AnalysisStatus.QUEUED), Q(status=AnalysisStatus.RUNNING)
    seen = Analysis.objects.open().aggregate(
        oldest=Min("created_at", filter=waiting),
        queued=Count("pk", filter=waiting),
        running=Count("pk", filter=running),
        silent=Count("pk", filter=running & Q(heartbeat_at__lt=now - MISSED_BEATS * beat)),
    )
    oldest, queued, duration = seen["oldest"], seen["queued"], _mean_duration_s()
    inference, light = _seen(queue.INFERENCE), _seen(queue.LIGHT)
    return QueueHealth(
        redis=inference is not None,
        workers=inference.workers if inference else 0,
        light_workers=light.workers if light else 0,
        queued=queued,
        running=seen["running"],
        silent=seen["silent"],
        light_jobs=light.jobs if light else 0,
        failed_light_jobs=light.failed if light else 0,
        oldest_wait_s=(now - oldest).total_seconds() if oldest else 0.0,
        mean_duration_s=duration,
        expected_wait_s=_expected_wait_s(queued, inference.workers if inference else 0, duration),
    )


@dataclass(frozen=True)
class _Seen:
    workers: int
    jobs: int
    failed: int


def _seen(name: str) -> _Seen | None:
    """What Redis knows of the queue; None when it does not answer."""
    try:
        found: Queue = get_queue(name)
        return _Seen(
            workers=sum(_lives(worker) for worker in Worker.all(queue=found)),
            jobs=found.count,
            failed=found.failed_job_registry.get_job_count(),
        )
    except RedisError:
        return None


def _lives(worker: BaseWorker) -> bool:
    """Whether the worker was heard of lately; Redis remembers a killed one for a while."""
    age = timedelta(seconds=WORKER_TTL_S)
    return worker.last_heartbeat is not None and worker.last_heartbeat > timezone.now() - age


def _mean_duration_s() -> float | None:
    times = Analysis.objects.filter(status=AnalysisStatus.COMPLETE, started_at__isnull=False)
    rows = times.order_by("-finished_at").values_list("started_at", "finished_at")[:RECENT]
    return mean([(end - start).total_seconds() for start, end in rows]) if rows else None


def _expected_wait_s(queued: int, workers: int, duration: float | None) -> float | None:
    if not workers or duration is None:
        return None
    return queued * duration / workers
