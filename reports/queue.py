"""The road from an order to the light worker: one job per attempt, carrying only an id."""

from __future__ import annotations

import structlog
from django_rq import get_queue
from redis.exceptions import RedisError
from rq import Queue

from detection.queue import LIGHT
from reports.models import ExportRequest

TASK = "reports.tasks.make_export"
# Packing and hashing a case of many gigabytes takes hours.
LONGEST_S = 12 * 3600
KEEP_RESULT_S = 3600

logger = structlog.get_logger(__name__)


def light_queue() -> Queue:
    """The queue of short and of patient work. Callers wait for the commit themselves."""
    return get_queue(LIGHT, commit_mode="auto")


def job_id(request: ExportRequest) -> str:
    """The job of the next attempt."""
    return f"export-{request.pk}-{request.attempt + 1}"


def enqueue(request: ExportRequest) -> bool:
    """Put the next attempt on the queue; False when Redis does not answer.

    Nothing is lost then: the order is queued in the database and the reconciler tries again.
    """
    try:
        light_queue().enqueue_call(
            TASK,
            args=(str(request.pk),),
            job_id=job_id(request),
            description=f"export {request.pk}",
            timeout=LONGEST_S,
            result_ttl=KEEP_RESULT_S,
        )
    except RedisError as error:
        logger.warning("enqueue_failed", export=str(request.pk), reason=str(error))
        return False
    return True


def waiting_job_ids() -> set[str]:
    """The jobs that are on the queue now."""
    return set(light_queue().get_job_ids())
