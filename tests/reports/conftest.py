"""A case with one examined exhibit, ready to leave the house."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from accounts.actors import Actor, system_actor
from accounts.models import User
from audit.actions import Action
from audit.services import append
from audit.transactions import audited
from cases import services as cases
from cases.models import Case, Exhibit
from detection import services as detection
from detection.models import Analysis, ModelVersion, ReviewKind
from reports import services
from reports.files import content_of
from reports.models import Export, ExportRequest
from reports.tasks import make_export
from tests.reports.findings import WEIGHTS_SHA256, outcome_for, portrait


@pytest.fixture
def examiner(bob: User, actor: Callable[[User], Actor]) -> Actor:
    """Bob, who examines in the case."""
    bob.qualifications = "Proficiency test passed on 2026-03-01"
    bob.save()
    return actor(bob)


@pytest.fixture
def exhibit(case: Case, examiner: Actor, redis_server: str) -> Exhibit:
    """A portrait in evidence."""
    return cases.receive_evidence(
        actor=examiner, case=case, stream=io.BytesIO(portrait()), filename="portrait.png"
    )


@pytest.fixture
def analysis(exhibit: Exhibit, examiner: Actor, carol: User) -> Analysis:
    """The exhibit's complete analysis with an opinion, and the card of its weights."""
    _register_card()
    queued = detection.submit_analysis(actor=examiner, exhibit=exhibit)
    running = detection.claim_analysis(str(queued.pk), "worker-1")
    assert running is not None
    detection.record_environment(
        analysis=running, evidence_sha256=exhibit.sha256, environment={"python": "3"}
    )
    detection.store_result(analysis=running, outcome=outcome_for(exhibit))
    detection.add_review(
        actor=examiner,
        analysis=running,
        kind=ReviewKind.OPINION,
        text="The mouth region is inconsistent with the light.",
        agrees=True,
    )
    running.refresh_from_db()
    return running


@pytest.fixture
def bundle(analysis: Analysis, examiner: Actor, case: Case, tmp_path: Path) -> Path:
    """The unpacked bundle of the whole case."""
    export = made(services.request_bundle(actor=examiner, case=case))
    return unpack(export, tmp_path / "elsewhere")


def made(order: ExportRequest) -> Export:
    """The export of ``order``, made as the light worker makes it."""
    words = make_export(str(order.pk))
    order.refresh_from_db()
    assert order.export is not None, f"{words}: {order.error_message}"
    return order.export


def unpack(export: Export, target: Path) -> Path:
    """Unpack a bundle as it leaves below ``target``; its one folder."""
    content = b"".join(content_of(export))
    assert len(content) == export.size
    assert hashlib.sha256(content).hexdigest() == export.sha256
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(target)
    (folder,) = target.iterdir()
    return folder


def _register_card() -> None:
    with audited():
        card = ModelVersion.objects.create(
            name="example",
            sha256=WEIGHTS_SHA256,
            description_sha256="1" * 64,
            architecture="Example network",
            licence="Apache-2.0",
            entry={
                "validated_domain": "drawn portraits",
                "not_validated_for": "anything else",
                "training_data": "pictures drawn for the test",
                "measured": "",
            },
        )
        append(actor=system_actor(), action=Action.MODEL_REGISTERED, subject=card)
