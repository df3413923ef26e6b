"""What people may read, where files come from, how busy the platform is."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest

from cases.models import Case
from cases.signals import alert_raised
from detection import selectors, services
from detection.health import queue_health
from detection.lineage import lineage
from detection.models import Analysis, Artefact
from ml.result import DerivedArtefact
from tests.detection.conftest import outcome_for


def test_outsiders_see_nothing_and_auditors_everything(
    finding: Any, actor: Any, charlie: Any, auditor: Any, admin_user: Any
) -> None:
    [artefact] = Artefact.objects.all()
    for stranger in (actor(charlie), actor(admin_user)):
        assert not selectors.analyses_for(stranger).exists()
        assert not selectors.findings_for(stranger).exists()
        with pytest.raises(Analysis.DoesNotExist):
            selectors.analysis_for(stranger, finding.analysis_id)
        with pytest.raises(Artefact.DoesNotExist):
            selectors.artefact_for(stranger, artefact.pk)
    assert selectors.finding_for(actor(auditor), finding.analysis) == finding


def test_lineage_leads_from_the_exhibit_to_the_heat_map(running: Any, examiner: Any) -> None:
    exhibit = running.exhibit
    outcome = outcome_for(exhibit)
    [heat_map] = outcome.artefacts
    crop = b"a face"
    facts = dataclasses.replace(
        heat_map.facts,
        name="face-0.jpg",
        kind="thumbnail",
        sha256=hashlib.sha256(crop).hexdigest(),
        size=len(crop),
    )
    child = dataclasses.replace(heat_map.facts, parent_sha256=facts.sha256)
    lost = dataclasses.replace(
        heat_map.facts,
        name="lost.png",
        sha256=hashlib.sha256(b"lost").hexdigest(),
        parent_sha256="0" * 64,
    )
    outcome = dataclasses.replace(
        outcome,
        result=dataclasses.replace(outcome.result, artefacts=(facts, child, lost)),
        artefacts=(
            DerivedArtefact(facts, crop),
            DerivedArtefact(child, heat_map.content),
            DerivedArtefact(lost, b"lost"),
        ),
    )
    services.store_result(analysis=running, outcome=outcome)

    root = lineage(examiner, running)
    assert root.sha256 == exhibit.sha256
    face, orphan = root.children
    assert (face.kind, face.sha256, face.broken) == ("thumbnail", facts.sha256, False)
    assert [node.label for node in face.children] == ["face-0-heatmap.png"]
    assert (orphan.label, orphan.broken) == ("lost.png", True)


def test_health_counts_what_waits(queued: Any, exhibit: Any, examiner: Any) -> None:
    services.submit_analysis(actor=examiner, exhibit=exhibit)
    services.claim_analysis(str(queued.pk), "worker-1")
    health = queue_health()
    assert (health.redis, health.workers, health.queued, health.running) == (True, 0, 1, 1)
    assert health.expected_wait_s is None
    assert health.oldest_wait_s > 0


def test_health_says_that_redis_is_away(db: None, settings: Any) -> None:
    away = {**settings.RQ_QUEUES["inference"], "URL": "unix:///nowhere/redis.sock"}
    settings.RQ_QUEUES = {"inference": away, "light": away}
    assert queue_health().redis is False


def test_alerts_and_reading_them(case: Case, alice: Any, bob: Any) -> None:
    alert_raised.send(
        sender=Case, case=case, kind="evidence.mismatch", text="2026-0001/1 is frozen", exhibit=None
    )
    [line] = selectors.notifications_for(alice)
    assert (line.kind, line.text, line.case) == ("alert", "2026-0001/1 is frozen", case)
    assert not selectors.notifications_for(bob).exists()
    assert services.mark_read(user=alice) == 1
    assert services.mark_read(user=alice) == 0
