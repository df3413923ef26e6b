"""Asking for analyses: who may, of what, and what is recorded."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from audit.models import AuditEvent
from cases import services as cases
from detection import queue, services
from detection.errors import AnalysisRefused
from detection.models import Analysis, AnalysisStatus


def actions(analysis: Analysis) -> list[str]:
    """The ledger's actions about the analysis, in order."""
    subject = f"detection.analysis:{analysis.pk}"
    return list(AuditEvent.objects.filter(subject=subject).values_list("action", flat=True))


def test_submission_enqueues_only_the_id_on_commit(
    exhibit: Any, examiner: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        analysis = services.submit_analysis(
            actor=examiner, exhibit=exhibit, parameters={"threshold": 0.6}
        )
        assert queue.waiting_job_ids() == set()
    [job] = queue.inference_queue().jobs
    assert job.args == [str(analysis.pk)]
    assert job.kwargs == {}
    assert job.id == f"analysis-{analysis.pk}-1"
    assert analysis.status == AnalysisStatus.QUEUED
    assert analysis.parameters == {"threshold": 0.6}
    assert actions(analysis) == ["analysis.submitted"]


def test_submission_survives_a_redis_that_does_not_answer(
    exhibit: Any, examiner: Any, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.RQ_QUEUES = {
        "inference": {**settings.RQ_QUEUES["inference"], "URL": "unix:///nowhere/redis.sock"}
    }
    with django_capture_on_commit_callbacks(execute=True):
        analysis = services.submit_analysis(actor=examiner, exhibit=exhibit)
    assert Analysis.objects.get(pk=analysis.pk).status == AnalysisStatus.QUEUED


def test_outsiders_and_reviewers_may_not_submit(
    exhibit: Any, charlie: Any, reviewer: Any, actor: Any
) -> None:
    for somebody in (actor(charlie), reviewer):
        with pytest.raises(PermissionDenied):
            services.submit_analysis(actor=somebody, exhibit=exhibit)
    assert not Analysis.objects.exists()
    assert AuditEvent.objects.filter(action="permission.denied").count() == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ({"profile": "magic"}, "unknown_profile", "no profile 'magic'"),
        ({"parameters": {"threshold": 2}}, "bad_parameters", "threshold must be a number"),
        ({"parameters": {"speed": 1}}, "bad_parameters", "Unknown parameter 'speed'"),
    ],
)
def test_bad_requests_are_refused_in_words(
    exhibit: Any, examiner: Any, arguments: Any, code: str, words: str
) -> None:
    with pytest.raises(AnalysisRefused, match=words) as refused:
        services.submit_analysis(actor=examiner, exhibit=exhibit, **arguments)
    assert refused.value.code == code


def test_a_closed_case_takes_no_analysis(
    case: Any, exhibit: Any, examiner: Any, actor: Any, alice: Any
) -> None:
    cases.close_case(actor=actor(alice), case=case)
    with pytest.raises(AnalysisRefused, match="is closed") as refused:
        services.submit_analysis(actor=examiner, exhibit=exhibit)
    assert refused.value.code == "case_closed"


def test_a_queued_analysis_can_be_cancelled_once(queued: Any, examiner: Any) -> None:
    services.cancel_analysis(actor=examiner, analysis=queued)
    assert actions(queued) == ["analysis.submitted", "analysis.cancelled"]
    assert services.claim_analysis(str(queued.pk), "worker-1") is None
    with pytest.raises(AnalysisRefused, match="cancelled already"):
        services.cancel_analysis(actor=examiner, analysis=queued)


def test_a_repeat_is_a_new_row_that_names_the_first(finding: Any, examiner: Any) -> None:
    repeat = services.rerun_analysis(actor=examiner, analysis=finding.analysis)
    assert repeat.pk != finding.analysis_id
    assert repeat.rerun_of_id == finding.analysis_id
    assert repeat.exhibit_id == finding.analysis.exhibit_id


def test_an_unfinished_analysis_is_not_repeated(queued: Any, examiner: Any) -> None:
    with pytest.raises(AnalysisRefused) as refused:
        services.rerun_analysis(actor=examiner, analysis=queued)
    assert refused.value.code == "not_finished"


def test_looking_is_recorded(queued: Any, examiner: Any) -> None:
    services.record_view(actor=examiner, analysis=queued)
    assert actions(queued)[-1] == "analysis.viewed"
