"""Waking the light worker. Nothing depends on it: the reconciler's rounds find what is due."""

from __future__ import annotations

import uuid

import structlog
from django.db import transaction
from django_rq import get_queue
from redis.exceptions import RedisError

LIGHT = "light"
TASK = "webhooks.tasks.deliver"
# One waiting job is enough, however many events want it.
JOB = "webhooks-deliver"
LONGEST_S = 300

logger = structlog.get_logger(__name__)


def wake_on_commit() -> None:
    """Wake the worker when the transaction is committed; a flushed Redis costs a few seconds."""
    transaction.on_commit(_wake_if_possible)


def wake() -> bool:
    """Put the one job on the queue unless it waits there; raises RedisError."""
    light = get_queue(LIGHT, commit_mode="auto")
    if any(job_id.startswith(JOB) for job_id in light.get_job_ids()):
        return False
    # An id of its own: a job that runs now must not be overwritten.
    light.enqueue_call(
        TASK,
        job_id=f"{JOB}-{uuid.uuid4()}",
        timeout=LONGEST_S,
        result_ttl=0,
        description="deliver web hooks",
    )
    return True


def _wake_if_possible() -> None:
    try:
        wake()
    except RedisError as error:
        logger.warning("webhooks_not_woken", reason=str(error))
