"""A made-up finding with everything a page can show, for pages and their screenshots.

No model ran: the numbers are chosen so that every part of the page has something to draw.
"""

from __future__ import annotations

import hashlib
import io
import math

import numpy as np
from PIL import Image, ImageDraw

from cases.models import Exhibit
from ml.result import (
    AnalysisOutcome,
    AnalysisResult,
    ArtefactFacts,
    AudioFacts,
    BranchResult,
    BranchStatus,
    Contribution,
    Curve,
    Decision,
    DerivedArtefact,
    FaceFacts,
    InputFacts,
    MediaFacts,
    MediaKind,
    Provenance,
    QualityGate,
    ScoredItem,
    Segment,
    Verdict,
    VideoFacts,
)

LN10 = math.log(10)
SIDE = 160


def sample_outcome(exhibit: Exhibit, *, duration: float = 12.0) -> AnalysisOutcome:
    """A FAKE finding about ``exhibit`` with faces, windows, curves, failed gates and silence."""
    times = tuple(round(0.4 * k, 3) for k in range(int(duration / 0.4)))
    scores = tuple(round(1.2 + 2.2 * math.sin(t / 1.7) + 0.6 * math.sin(5 * t), 4) for t in times)
    windows = tuple(
        ScoredItem(start, min(start + 2.0, duration), round(2.6 * math.sin(start / 2) - 0.3, 4))
        for start in np.arange(0.0, duration - 1, 2.0).tolist()
    )
    shares = {"xception": 2.9, "resnext_lstm": 1.4, "aasist": -0.7}
    bias = -0.2
    llr = bias + sum(shares.values())
    derived = _faces(exhibit.sha256)
    result = AnalysisResult(
        input=InputFacts(
            name=exhibit.name,
            size=exhibit.size,
            sha256=exhibit.sha256,
            sha512=exhibit.sha512,
            kind=MediaKind(exhibit.kind),
        ),
        media=MediaFacts(
            container="mov,mp4",
            duration_s=duration,
            video=VideoFacts(
                "h264", 640, 360, 0, 25.0, int(duration * 25), duration, False, "yuv420p"
            ),
            audio=AudioFacts("aac", 16000, 1, duration),
            tags={"encoder": "Lavf61"},
        ),
        quality=(
            QualityGate(
                "face_size", 96.0, "px", "at least 64 px", True, "The face is large enough."
            ),
            QualityGate(
                "speech_seconds", 7.8, "s", "at least 2 s", True, "There is enough speech."
            ),
            QualityGate(
                "bandwidth",
                3600.0,
                "Hz",
                "at least 6000 Hz",
                False,
                "The sound reaches only 3.6 kHz, as after a telephone line. The audio detector was "
                "validated on wider sound.",
                ("aasist",),
            ),
        ),
        faces=tuple(
            FaceFacts(
                0, k * 50, 2.0 * k, (220.0, 60.0, 360.0, 220.0), 0.99, 140.0, 110.0, 4.0, 3.1 - k
            )
            for k in range(4)
        ),
        branches=(
            _scored(
                "xception",
                "Face appearance (Xception)",
                MediaKind.VIDEO,
                2.9,
                curves=(Curve("face 1", times, scores, "s", "logit"),),
                items=tuple(ScoredItem(t, t + 0.4, s) for t, s in zip(times, scores, strict=True)),
            ),
            _scored("resnext_lstm", "Motion over time (ResNeXt + LSTM)", MediaKind.VIDEO, 1.6),
            _scored("aasist", "Voice (AASIST)", MediaKind.AUDIO, -0.9, items=windows),
            BranchResult(
                "av_sync",
                "1",
                "Lips and sound",
                MediaKind.VIDEO,
                BranchStatus.NOT_APPLICABLE,
                reason="The mouth is covered in most frames, so its movement cannot be followed.",
            ),
            BranchResult(
                "ensemble",
                "1",
                "Ensemble of three networks",
                MediaKind.VIDEO,
                BranchStatus.NO_WEIGHTS,
                reason="No trained weights are registered for it.",
            ),
        ),
        decision=Decision(
            verdict=Verdict.FAKE,
            llr=llr,
            log10_lr=llr / LN10,
            log10_lr_interval=(llr / LN10 - 0.5, llr / LN10 + 0.35),
            log10_lr_bounds=(-2.1, 2.3),
            bound_reached=False,
            probability=1 / (1 + math.exp(-llr)),
            prior=0.5,
            threshold=0.5,
            strategy="logistic",
            bias=bias,
            contributions=tuple(
                Contribution(name, value, 1.0, value) for name, value in shares.items()
            ),
            propositions=(
                "The face or voice in the recording was made or changed by a generator.",
                "The recording shows what was in front of the camera and microphone.",
            ),
            verbal="moderate support for manipulation",
            verbal_table="ENFSI 2015",
            reason="The faces respond strongly and alike in all parts of the recording.",
            recommendation="Compare with an original of the same speaker before concluding.",
            fusion_sha256="ab" * 32,
        ),
        segments=(
            Segment(
                "xception",
                1.2,
                4.8,
                3.9,
                "Face appearance responded above its threshold from 0:01.2 to 0:04.8.",
            ),
        ),
        sentences=(
            "Face appearance carries most of the evidence, with a share of +1.26.",
            "The voice leans to bona fide (−0.30); it was outside its validated domain.",
        ),
        transforms=("decoded with PyAV", "32 frames taken evenly", "faces cropped with margin 0.3"),
        artefacts=tuple(item.facts for item in derived),
        provenance=Provenance(
            tool_version="0.1.0",
            git_commit="0" * 40,
            profile="standard",
            profile_sha256="cd" * 32,
            parameters={"threshold": 0.5},
            packages={"torch": "2.11.0", "numpy": "2.0"},
            python="3.11",
            platform="Linux x86_64",
            device="cpu",
            dtype="float32",
            seed=0,
            deterministic=True,
            timings_s={"decode": 0.8, "models": 2.4, "fusion": 0.01},
        ),
    )
    return AnalysisOutcome(result=result, artefacts=derived)


def _scored(
    name: str,
    title: str,
    kind: MediaKind,
    llr: float,
    *,
    items: tuple[ScoredItem, ...] = (),
    curves: tuple[Curve, ...] = (),
) -> BranchResult:
    return BranchResult(
        name,
        "1",
        title,
        kind,
        BranchStatus.SCORED,
        logit=llr,
        llr=llr,
        llr_bounds=(-4.8, 5.3),
        weights=name,
        weights_sha256=hashlib.sha256(name.encode()).hexdigest(),
        items=items,
        curves=curves,
    )


def _faces(parent: str) -> tuple[DerivedArtefact, ...]:
    made: list[DerivedArtefact] = []
    for k in range(4):
        made.append(_artefact(f"face-{k}.jpg", "thumbnail", drawn_face(k), parent, 2.0 * k))
        made.append(_artefact(f"face-{k}-heat.png", "heatmap", _heat(k), parent, 2.0 * k))
    return tuple(made)


def _artefact(name: str, kind: str, picture: Image.Image, parent: str, t: float) -> DerivedArtefact:
    buffer = io.BytesIO()
    jpeg = picture.mode == "RGB"
    picture.save(buffer, "JPEG" if jpeg else "PNG")
    content = buffer.getvalue()
    facts = ArtefactFacts(
        name=name,
        kind=kind,
        mime_type="image/jpeg" if jpeg else "image/png",
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        parent_sha256=parent,
        producer="xception 1",
        t=t,
        track=0,
        width=SIDE,
        height=SIDE,
        caption=f"Face at {t:.1f} s",
    )
    return DerivedArtefact(facts, content)


def drawn_face(k: int) -> Image.Image:
    """A face of ellipses, never a person; ``k`` 0 to 3 moves its eyes and mouth."""
    picture = Image.new("RGB", (SIDE, SIDE), (58 + 8 * k, 74, 92))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((32, 14, 128, 150), fill=(222 - 6 * k, 184, 158))
    for x in (60, 100):
        pen.ellipse((x - 9, 64, x + 9, 76), fill="white")
        pen.ellipse((x - 4 + k, 66, x + 4 + k, 74), fill=(40, 50, 70))
    pen.line((80, 78, 76, 100, 84, 100), fill=(180, 140, 120), width=3)
    pen.arc((60, 98 - k, 100, 126 + k), 20, 160, fill=(150, 60, 60), width=4)
    return picture


def _heat(k: int) -> Image.Image:
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    response = np.exp(-((x - 80 - 6 * k) ** 2 + (y - 112) ** 2) / 900)
    layer = np.zeros((SIDE, SIDE, 4), np.uint8)
    layer[..., 0], layer[..., 1] = 255, (170 * (1 - response)).astype(np.uint8)
    layer[..., 3] = (230 * response).astype(np.uint8)
    return Image.fromarray(layer, "RGBA")
