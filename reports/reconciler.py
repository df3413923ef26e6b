"""Orders that nobody works on: after a flush of Redis, or when a worker died."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from detection.reconciler import MISSED_BEATS
from reports import queue
from reports.models import ExportRequest, RequestStatus
from reports.services import recover_lost


def reconcile() -> int:
    """Recover orders of dead workers, enqueue queued ones without a job; how many were enqueued.

    Raises redis.exceptions.RedisError when Redis does not answer.
    """
    stale = timezone.now() - timedelta(seconds=MISSED_BEATS * settings.DFD.heartbeat_s)
    running = ExportRequest.objects.filter(status=RequestStatus.RUNNING, heartbeat_at__lt=stale)
    for request in running:
        recover_lost(request=request, stale_before=stale)
    queued = list(ExportRequest.objects.filter(status=RequestStatus.QUEUED).order_by("created_at"))
    if not queued:
        return 0
    waiting = queue.waiting_job_ids()
    orphans = [request for request in queued if queue.job_id(request) not in waiting]
    return sum(queue.enqueue(request) for request in orphans)
