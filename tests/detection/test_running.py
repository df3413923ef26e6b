"""The worker's writes: one owner, one result, everything recorded."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.models import AuditEvent
from audit.verification import verify_all
from cases.errors import StoreError
from cases.models import CustodyEvent
from cases.storage import artefact_store
from detection import queue, selectors, services
from detection.errors import AnalysisSuperseded
from detection.models import Analysis, AnalysisStatus, Finding, Notification, Stage
from tests.detection.conftest import WEIGHTS_SHA256, outcome_for
from tests.detection.test_submission import actions


def test_only_one_worker_gets_an_analysis(queued: Any) -> None:
    first = services.claim_analysis(str(queued.pk), "worker-1")
    assert first is not None
    assert (first.status, first.attempt, first.worker) == ("running", 1, "worker-1")
    assert services.claim_analysis(str(queued.pk), "worker-2") is None


def test_a_result_is_stored_with_its_files_and_its_entry(running: Any, examiner: Any) -> None:
    outcome = outcome_for(running.exhibit)
    finding = services.store_result(analysis=running, outcome=outcome)

    stored = Analysis.objects.get(pk=running.pk)
    assert (stored.status, stored.stage, stored.percent) == ("complete", "Complete", 100)
    assert selectors.result_of(finding) == outcome.result
    text = outcome.result.to_json()
    assert finding.result_sha256 == hashlib.sha256(text.encode()).hexdigest()
    [artefact] = selectors.artefacts_for(examiner, stored)
    assert selectors.artefact_bytes(artefact) == b"a heat map"
    assert artefact.parent_sha256 == running.exhibit.sha256

    entry = AuditEvent.objects.get(action="analysis.completed")
    assert entry.payload["result_sha256"] == finding.result_sha256
    assert entry.payload["weights"] == [WEIGHTS_SHA256]
    assert entry.payload["artefacts"] == [artefact.sha256]
    custody = CustodyEvent.objects.get(kind="analysed")
    assert custody.sha256_before == custody.sha256_after == running.exhibit.sha256
    assert stored.log[-1][1] == "complete"
    note = Notification.objects.get(recipient__username="bob")
    assert (note.kind, note.case) == ("finished", running.exhibit.case)
    assert verify_all().ok


def test_the_verdict_shows_only_in_the_finding(running: Any) -> None:
    """Administrators and blind reviewers read the ledger and the log of a run."""
    services.store_result(analysis=running, outcome=outcome_for(running.exhibit))
    stored = Analysis.objects.get(pk=running.pk)
    texts = [str(stored.log), *AuditEvent.objects.values_list("payload_text", flat=True)]
    texts += Notification.objects.values_list("text", flat=True)
    assert not [text for text in texts if "FAKE" in text]


def test_a_second_result_is_refused(running: Any) -> None:
    services.store_result(analysis=running, outcome=outcome_for(running.exhibit))
    with pytest.raises(AnalysisSuperseded):
        services.store_result(analysis=running, outcome=outcome_for(running.exhibit, llr=-1.0))
    assert Finding.objects.get().verdict == "FAKE"


def test_a_cancelled_analysis_takes_no_result(running: Any, examiner: Any) -> None:
    services.cancel_analysis(actor=examiner, analysis=running)
    with pytest.raises(AnalysisSuperseded):
        services.record_progress(analysis=running, stage=Stage.RUNNING, percent=50)
    with pytest.raises(AnalysisSuperseded):
        services.store_result(analysis=running, outcome=outcome_for(running.exhibit))
    assert not Finding.objects.exists()


def test_a_worker_given_up_for_dead_cannot_store(running: Any) -> None:
    later = timezone.now() + timedelta(minutes=1)
    services.recover_lost(analysis=running, stale_before=later)
    second = services.claim_analysis(str(running.pk), "worker-2")
    assert second is not None
    with pytest.raises(AnalysisSuperseded):
        services.store_result(analysis=running, outcome=outcome_for(running.exhibit))
    services.store_result(analysis=second, outcome=outcome_for(running.exhibit, llr=-1.0))
    assert Finding.objects.get().verdict == "REAL"


def test_a_file_that_kills_workers_is_given_up(queued: Any, settings: Any) -> None:
    settings.DFD = dataclasses.replace(settings.DFD, max_attempts=2)
    later = timezone.now() + timedelta(minutes=1)
    for expected in (AnalysisStatus.QUEUED, AnalysisStatus.FAILED):
        attempt = services.claim_analysis(str(queued.pk), "worker-1")
        assert attempt is not None
        assert services.recover_lost(analysis=attempt, stale_before=later) == expected
    stored = Analysis.objects.get(pk=queued.pk)
    assert stored.error_code == "worker_lost"
    assert "died 2 times" in stored.error_message
    assert actions(stored)[-2:] == ["analysis.started", "analysis.failed"]


def test_a_live_worker_is_not_given_up(running: Any) -> None:
    earlier = timezone.now() - timedelta(minutes=1)
    assert services.recover_lost(analysis=running, stale_before=earlier) is None
    assert Analysis.objects.get(pk=running.pk).status == AnalysisStatus.RUNNING


def test_a_stopping_worker_hands_back(
    running: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        services.hand_back(analysis=running, reason="its worker was asked to stop")
    stored = Analysis.objects.get(pk=running.pk)
    assert (stored.status, stored.attempt, stored.lost_workers) == ("queued", 1, 0)
    assert queue.waiting_job_ids() == {f"analysis-{running.pk}-2"}


def test_a_failure_says_why(running: Any) -> None:
    services.fail_analysis(analysis=running, code="corrupt", message="The file ends too early.")
    stored = Analysis.objects.get(pk=running.pk)
    assert (stored.status, stored.error_code) == ("failed", "corrupt")
    assert stored.error_message == "The file ends too early."
    assert stored.finished_at is not None
    assert Notification.objects.get().text.endswith("The file ends too early.")
    assert CustodyEvent.objects.get(kind="analysed").sha256_after == ""


def test_progress_is_written_without_ledger_entries(running: Any) -> None:
    before = AuditEvent.objects.count()
    services.record_progress(analysis=running, stage=Stage.EXTRACTING, percent=10)
    services.record_heartbeat(analysis=running)
    stored = Analysis.objects.get(pk=running.pk)
    assert (stored.stage, stored.percent) == ("Extracting frames", 10)
    assert AuditEvent.objects.count() == before


def test_an_outcome_without_its_files_is_not_stored(running: Any) -> None:
    outcome = dataclasses.replace(outcome_for(running.exhibit), artefacts=())
    with pytest.raises(ValueError, match="other artefacts"):
        services.store_result(analysis=running, outcome=outcome)
    assert Analysis.objects.get(pk=running.pk).status == AnalysisStatus.RUNNING


def test_a_changed_derived_file_is_not_shown(finding: Any, examiner: Any) -> None:
    [artefact] = selectors.artefacts_for(examiner, finding.analysis)
    path = artefact_store().path(artefact.storage_key)
    path.chmod(0o600)
    path.write_bytes(b"another map")
    with pytest.raises(StoreError, match="changed"):
        selectors.artefact_bytes(artefact)


def test_the_result_round_trips_through_the_database(finding: Any) -> None:
    stored = Finding.objects.get(pk=finding.pk)
    text = json.dumps(stored.result, allow_nan=False, sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest() == stored.result_sha256
