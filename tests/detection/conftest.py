"""A real exhibit, and results as the detectors hand them over."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from accounts.actors import Actor
from accounts.models import User
from cases import services as cases
from cases.models import Case, Exhibit
from detection import services
from detection.models import Analysis, Finding
from ml.result import (
    AnalysisOutcome,
    AnalysisResult,
    ArtefactFacts,
    BranchResult,
    BranchStatus,
    Contribution,
    Decision,
    DerivedArtefact,
    ImageFacts,
    InputFacts,
    MediaFacts,
    MediaKind,
    Provenance,
    Verdict,
)

WEIGHTS_SHA256 = hashlib.sha256(b"weights of the example branch").hexdigest()


@pytest.fixture(autouse=True)
def _queue(redis_server: str) -> None:
    """Submitting enqueues on commit, so every test here has a real, empty Redis."""


def png(shade: int = 90) -> bytes:
    """A small grey picture; the shade makes its hash."""
    stream = io.BytesIO()
    Image.new("RGB", (64, 48), (shade, shade, shade)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def examiner(bob: User, actor: Callable[[User], Actor]) -> Actor:
    """Bob, who examines in the case."""
    return actor(bob)


@pytest.fixture
def reviewer(carol: User, actor: Callable[[User], Actor]) -> Actor:
    """Carol, who reviews in the case."""
    return actor(carol)


@pytest.fixture
def exhibit(case: Case, examiner: Actor) -> Exhibit:
    """A picture in evidence."""
    return cases.receive_evidence(
        actor=examiner, case=case, stream=io.BytesIO(png()), filename="photo.png"
    )


@pytest.fixture
def queued(exhibit: Exhibit, examiner: Actor) -> Analysis:
    """A queued analysis of the exhibit."""
    return services.submit_analysis(actor=examiner, exhibit=exhibit)


@pytest.fixture
def running(queued: Analysis) -> Analysis:
    """The same, claimed by a worker that has measured the evidence."""
    analysis = services.claim_analysis(str(queued.pk), "worker-1")
    assert analysis is not None
    services.record_environment(
        analysis=analysis, evidence_sha256=queued.exhibit.sha256, environment={"python": "3"}
    )
    return analysis


@pytest.fixture
def finding(running: Analysis) -> Finding:
    """The finding of a complete analysis."""
    return services.store_result(analysis=running, outcome=outcome_for(running.exhibit))


def outcome_for(
    exhibit: Exhibit, *, llr: float = 2.0, content: bytes = b"a heat map", **provenance: Any
) -> AnalysisOutcome:
    """What a detector returns for a still: one scored branch, one heat map."""
    artefact = ArtefactFacts(
        name="face-0-heatmap.png",
        kind="heatmap",
        mime_type="image/png",
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        parent_sha256=exhibit.sha256,
        producer="example 1",
        t=0.0,
        track=0,
    )
    branch = BranchResult(
        name="example",
        version="1",
        title="Example",
        modality=MediaKind.IMAGE,
        status=BranchStatus.SCORED,
        logit=llr,
        llr=llr,
        weights="example",
        weights_sha256=WEIGHTS_SHA256,
    )
    result = AnalysisResult(
        input=InputFacts(
            exhibit.name, exhibit.size, exhibit.sha256, exhibit.sha512, MediaKind.IMAGE
        ),
        media=MediaFacts("png", image=ImageFacts("PNG", 64, 48, "RGB")),
        quality=(),
        faces=(),
        branches=(branch,),
        decision=_decision(llr),
        segments=(),
        sentences=("The face branch responded.",),
        transforms=(),
        artefacts=(artefact,),
        provenance=_provenance(provenance),
    )
    return AnalysisOutcome(result, (DerivedArtefact(artefact, content),))


def _decision(llr: float) -> Decision:
    return Decision(
        verdict=Verdict.FAKE if llr > 0 else Verdict.REAL,
        llr=llr,
        log10_lr=llr / 2.302585092994046,
        log10_lr_interval=None,
        log10_lr_bounds=(-2.0, 2.0),
        bound_reached=False,
        probability=0.88,
        prior=0.5,
        threshold=0.5,
        strategy="logistic",
        bias=0.0,
        contributions=(Contribution("example", llr, 1.0, llr),),
        propositions=("It was manipulated.", "It was not manipulated."),
        verbal="weak support",
        verbal_table="1",
        reason="",
        recommendation="",
    )


def _provenance(changes: dict[str, Any]) -> Provenance:
    facts: dict[str, Any] = {
        "tool_version": "0.1.0",
        "git_commit": "",
        "profile": "standard",
        "profile_sha256": "0" * 64,
        "parameters": {},
        "packages": {"torch": "2.11.0"},
        "python": "3.11",
        "platform": "Linux",
        "device": "cpu",
        "dtype": "float32",
        "seed": 0,
        "deterministic": True,
        "timings_s": {"total": 0.1},
    }
    return Provenance(**{**facts, **changes})
