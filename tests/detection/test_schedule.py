"""Daily work is started once a day."""

from __future__ import annotations

from django.utils.module_loading import import_string
from django_rq import get_queue

from detection import queue
from detection.schedule import DAILY, enqueue_daily


def test_each_task_is_enqueued_once_a_day(db: None) -> None:
    assert enqueue_daily() == list(DAILY)
    assert enqueue_daily() == []
    jobs = get_queue(queue.LIGHT).jobs
    assert [job.func_name for job in jobs] == list(DAILY)


def test_every_task_exists() -> None:
    for name in DAILY:
        assert callable(import_string(name))
