"""The database says what is left to do, whatever became of Redis and the workers."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.core.management import call_command

from detection import queue, services
from detection.models import Analysis
from detection.reconciler import Reconciled, reconcile


def test_queued_analyses_without_a_job_are_enqueued_once(queued: Any) -> None:
    queue.inference_queue().connection.flushall()
    assert reconcile() == Reconciled(enqueued=1)
    assert queue.waiting_job_ids() == {f"analysis-{queued.pk}-1"}
    assert reconcile() == Reconciled()
    assert len(queue.inference_queue().get_job_ids()) == 1


def test_finished_and_running_analyses_are_left_alone(
    finding: Any, exhibit: Any, examiner: Any
) -> None:
    other = services.submit_analysis(actor=examiner, exhibit=exhibit)
    services.claim_analysis(str(other.pk), "worker-1")
    assert reconcile() == Reconciled()


def test_a_dead_workers_analysis_is_queued_again(
    running: Any, settings: Any, django_capture_on_commit_callbacks: Any, capsys: Any
) -> None:
    settings.DFD = dataclasses.replace(settings.DFD, heartbeat_s=0.0)
    with django_capture_on_commit_callbacks(execute=True):
        call_command("reconcile", "--once")
    assert "recovered 1" in capsys.readouterr().out
    stored = Analysis.objects.get(pk=running.pk)
    assert (stored.status, stored.lost_workers) == ("queued", 1)
    assert f"analysis-{running.pk}-2" in queue.waiting_job_ids()
