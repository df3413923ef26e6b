"""The road from the database to the workers: one RQ job per attempt, carrying only an id."""

from __future__ import annotations

import structlog
from django_rq import get_connection, get_queue
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue

from detection.models import Analysis

INFERENCE = "inference"
LIGHT = "light"
TASK = "detection.tasks.run_analysis"
KEEP_RESULT_S = 3600

logger = structlog.get_logger(__name__)


def inference_queue() -> Queue:
    """The queue of the GPU workers. Enqueues at once: callers wait for the commit themselves."""
    return get_queue(INFERENCE, commit_mode="auto")


def connection() -> Redis:
    """Redis itself, for what is as short-lived as the queue."""
    return get_connection(INFERENCE)


def job_id(analysis: Analysis) -> str:
    """The job of the next attempt. An id per attempt: a running job is never overwritten."""
    return f"analysis-{analysis.pk}-{analysis.attempt + 1}"


def enqueue(analysis: Analysis) -> bool:
    """Put the next attempt on the queue; False when Redis does not answer.

    Nothing is lost then: the analysis is queued in the database and the reconciler tries again.
    """
    try:
        inference_queue().enqueue_call(
            TASK,
            args=(str(analysis.pk),),
            job_id=job_id(analysis),
            description=f"analysis {analysis.pk}",
            result_ttl=KEEP_RESULT_S,
        )
    except RedisError as error:
        logger.warning("enqueue_failed", analysis=str(analysis.pk), reason=str(error))
        return False
    return True


def waiting_job_ids() -> set[str]:
    """The jobs that are on the queue now."""
    return set(inference_queue().get_job_ids())
