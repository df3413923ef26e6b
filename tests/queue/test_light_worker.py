"""The light worker runs short jobs, each in a fork, and lives on."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django_rq import get_queue
from rq.job import Job, JobStatus

from detection import queue
from tests.queue.conftest import wait_until

pytestmark = pytest.mark.queue


def _ended(job: Job) -> bool:
    return job.is_failed or job.is_finished


def test_light_jobs_run_and_one_that_fails_harms_nobody(manage: Any) -> None:
    worker = manage("light_worker")
    worker.wait_for("worker ready")
    light = get_queue(queue.LIGHT, commit_mode="auto")
    broken = light.enqueue_call("math.sqrt", args=(-1,))
    good = light.enqueue_call("math.sqrt", args=(9,))
    ledger = light.enqueue_call("audit.tasks.keep_ledger")
    for job, status in (
        (broken, JobStatus.FAILED),
        (good, JobStatus.FINISHED),
        (ledger, JobStatus.FINISHED),
    ):
        wait_until(partial(_ended, job), "the job to end")
        assert job.get_status() == status, worker.output
    assert good.return_value() == 3
    assert worker.running
    assert worker.stop() == 0
