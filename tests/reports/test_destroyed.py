"""Destroying a recording takes along what was derived from it; exports say what is gone."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor, user_actor
from accounts.models import User
from audit.verification import verify_all
from cases import services as cases
from cases.models import Case, DestructionCertificate, Exhibit
from cases.storage import artefact_store
from detection import services as detection
from detection.models import Analysis, Artefact
from reports import services
from tests.reports.conftest import made, unpack
from tests.reports.findings import outcome_for, portrait
from tests.reports.test_verifier import run

pytestmark = pytest.mark.django_db(transaction=True)


def destroy(exhibit: Exhibit, alice: User) -> DestructionCertificate:
    second = User.objects.create_user("dora")
    cases.add_member(actor=user_actor(alice), case=exhibit.case, user=second, role="manager")
    asked = cases.request_destruction(
        actor=user_actor(alice), exhibit=exhibit, reason="Order of the court", authority="Court"
    )
    return cases.approve_destruction(actor=user_actor(second), request=asked)


def test_derived_files_are_destroyed_and_certified(
    analysis: Analysis, exhibit: Exhibit, alice: User
) -> None:
    derived = {a.sha256: a.storage_key for a in Artefact.objects.all()}
    assert len(derived) == 2
    document = json.loads(destroy(exhibit, alice).document)
    assert sorted(document["derived_destroyed"]) == sorted(derived)
    assert document["derived_kept"] == []
    assert not any(artefact_store().exists(key) for key in derived.values())
    assert verify_all().problems == ()


def test_the_page_of_the_finding_shows_no_picture_that_is_gone(
    analysis: Analysis, exhibit: Exhibit, alice: User, client: Client
) -> None:
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    page = f"/analyses/{analysis.pk}/"
    pictures = [f"/artefacts/{a.pk}/" for a in Artefact.objects.all()]
    assert any(picture in client.get(page).content.decode() for picture in pictures)
    destroy(exhibit, alice)
    answer = client.get(page)
    assert answer.status_code == 200
    assert not any(picture in answer.content.decode() for picture in pictures)
    assert "destroyed together with the recording" in answer.content.decode()


def test_a_bundle_made_afterwards_names_what_is_gone_and_verifies(
    analysis: Analysis, exhibit: Exhibit, case: Case, examiner: Actor, alice: User, tmp_path: Path
) -> None:
    destroy(exhibit, alice)
    folder = unpack(made(services.request_bundle(actor=examiner, case=case)), tmp_path / "after")
    record = json.loads((folder / "data/extract.json").read_text())
    assert [a["file"] for a in record["analyses"][0]["artefacts"]] == ["", ""]
    assert all(a["sha256"] for a in record["analyses"][0]["artefacts"])
    code, words = run(folder)
    assert code == 0, words


def test_a_policy_may_keep_them(
    analysis: Analysis, exhibit: Exhibit, alice: User, settings: Any
) -> None:
    settings.DFD = dataclasses.replace(settings.DFD, keep_derived=True)
    assert json.loads(destroy(exhibit, alice).document)["derived_destroyed"] == []
    assert all(artefact_store().exists(a.storage_key) for a in Artefact.objects.all())


def test_what_another_exhibit_rests_on_stays(
    analysis: Analysis, exhibit: Exhibit, case: Case, examiner: Actor, alice: User
) -> None:
    twin = cases.receive_evidence(
        actor=examiner, case=case, stream=io.BytesIO(portrait(90)), filename="second.png"
    )
    queued = detection.submit_analysis(actor=examiner, exhibit=twin)
    running = detection.claim_analysis(str(queued.pk), "worker-1")
    assert running is not None
    detection.record_environment(
        analysis=running, evidence_sha256=twin.sha256, environment={"python": "3"}
    )
    detection.store_result(analysis=running, outcome=outcome_for(twin))
    document = json.loads(destroy(exhibit, alice).document)
    assert document["derived_destroyed"] == []
    assert len(document["derived_kept"]) == 2
    assert all(artefact_store().exists(a.storage_key) for a in Artefact.objects.all())
