"""A finding with everything a report can show, on drawn pictures."""

from __future__ import annotations

import hashlib
import io
from typing import Any

from PIL import Image, ImageDraw

from cases.models import Exhibit
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
    QualityGate,
    ScoredItem,
    Segment,
    Verdict,
)

WEIGHTS_SHA256 = hashlib.sha256(b"weights of the example branch").hexdigest()


def portrait(shade: int = 180) -> bytes:
    """A drawn face as PNG, 240 x 240."""
    picture = Image.new("RGB", (240, 240), (shade, 160, 140))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((50, 30, 190, 210), fill=(230, 195, 170))
    for x in (90, 150):
        draw.ellipse((x - 12, 95, x + 12, 115), fill=(60, 50, 45))
    draw.arc((90, 140, 150, 180), 10, 170, fill=(150, 60, 60), width=5)
    return _png(picture)


def heat() -> bytes:
    """A heat map layer: red around the mouth, transparent elsewhere."""
    layer = Image.new("RGBA", (240, 240), (0, 0, 0, 0))
    ImageDraw.Draw(layer).ellipse((80, 130, 160, 195), fill=(220, 40, 30, 200))
    return _png(layer)


def _png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def outcome_for(exhibit: Exhibit) -> AnalysisOutcome:
    """What a detector hands over: scores in time, a face with its heat map, one silent branch."""
    thumbnail = _artefact("face-0.png", "thumbnail", portrait(), exhibit.sha256)
    layer = _artefact("face-0-heat.png", "heatmap", heat(), thumbnail.facts.sha256)
    result = AnalysisResult(
        input=InputFacts(
            exhibit.name, exhibit.size, exhibit.sha256, exhibit.sha512, MediaKind.IMAGE
        ),
        media=MediaFacts(
            "png",
            image=ImageFacts("PNG", 240, 240, "RGB"),
            tags={"EXIF GPSLatitude": "52 deg 31' N"},
        ),
        quality=(
            QualityGate("face_size", 140.0, "px", "at least 64 px", True, ""),
            QualityGate("blur", 12.5, "", "at least 20", False, "the picture is blurred"),
        ),
        faces=(),
        branches=_branches(),
        decision=_decision(),
        segments=(Segment("example", 2.0, 4.0, 3.1, "The face branch responded most here."),),
        sentences=("The face branch responded to one face.",),
        transforms=("decoded", "cropped the face with a margin of 0.3"),
        artefacts=(thumbnail.facts, layer.facts),
        provenance=_provenance(),
    )
    return AnalysisOutcome(result, (thumbnail, layer))


def _artefact(name: str, kind: str, content: bytes, parent: str) -> DerivedArtefact:
    facts = ArtefactFacts(
        name=name,
        kind=kind,
        mime_type="image/png",
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        parent_sha256=parent,
        producer="example 1",
        t=0.0,
        track=0,
        width=240,
        height=240,
        caption="Face of person 1",
    )
    return DerivedArtefact(facts, content)


def _branches() -> tuple[BranchResult, ...]:
    scored: dict[str, Any] = {"status": BranchStatus.SCORED, "weights_sha256": WEIGHTS_SHA256}
    windows = tuple(
        ScoredItem(float(n), float(n + 1), logit)
        for n, logit in enumerate((-2.5, -0.4, 1.2, 3.1, 0.6, -1.0))
    )
    return (
        BranchResult(
            "example", "1", "Faces", MediaKind.IMAGE, logit=2.2, llr=2.6, items=windows, **scored
        ),
        BranchResult("voice", "1", "Voice", MediaKind.AUDIO, logit=-0.3, llr=-0.6, **scored),
        BranchResult(
            "lips",
            "1",
            "Lips and sound",
            MediaKind.VIDEO,
            BranchStatus.NOT_APPLICABLE,
            reason="the recording has no sound",
        ),
    )


def _decision() -> Decision:
    return Decision(
        verdict=Verdict.FAKE,
        llr=2.0,
        log10_lr=0.8686,
        log10_lr_interval=(0.4, 1.3),
        log10_lr_bounds=(-2.0, 2.0),
        bound_reached=False,
        probability=0.88,
        prior=0.5,
        threshold=0.5,
        strategy="logistic",
        bias=0.0,
        contributions=(
            Contribution("example", 2.6, 1.0, 2.6),
            Contribution("voice", -0.6, 1.0, -0.6),
        ),
        propositions=(
            "The recording is a manipulation.",
            "The recording is an unmanipulated recording of comparable quality.",
        ),
        verbal="weak support for the proposition",
        verbal_table="enfsi-2015.1",
        reason="",
        recommendation="Obtain the original file from the device.",
        fusion_sha256="ab" * 32,
    )


def _provenance() -> Provenance:
    return Provenance(
        tool_version="0.1.0",
        git_commit="c0ffee",
        profile="standard",
        profile_sha256="0" * 64,
        parameters={"threshold": 0.5},
        packages={"torch": "2.11.0", "numpy": "2.4.6"},
        python="3.11.7",
        platform="Linux",
        device="cpu",
        dtype="float32",
        seed=0,
        deterministic=True,
        timings_s={"total": 0.1},
    )
