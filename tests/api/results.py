"""Findings as the detectors hand them over, for one kind of file and one verdict."""

from __future__ import annotations

from ml.result import (
    AnalysisResult,
    AudioFacts,
    BranchResult,
    BranchStatus,
    Decision,
    FaceFacts,
    ImageFacts,
    InputFacts,
    MediaFacts,
    MediaKind,
    Provenance,
    ScoredItem,
    Verdict,
    VideoFacts,
)

MEDIA = {
    MediaKind.AUDIO: MediaFacts("wav", 3.5, audio=AudioFacts("pcm_s16le", 44100, 2, 3.5)),
    MediaKind.IMAGE: MediaFacts("png", image=ImageFacts("PNG", 64, 48, "RGB")),
    MediaKind.VIDEO: MediaFacts(
        "mp4",
        10.0,
        video=VideoFacts("h264", 640, 480, 0, 25.0, 250, 10.0, False, "yuv420p"),
    ),
}


def result(
    kind: MediaKind, verdict: Verdict = Verdict.FAKE, probability: float | None = 0.9
) -> AnalysisResult:
    """A finding on a file of ``kind``; pictures and videos have faces that were scored."""
    times = (
        () if kind is MediaKind.AUDIO else (0.0,) if kind is MediaKind.IMAGE else (0.0, 1.0, 2.0)
    )
    logits = (2.0, -2.0, 2.0)
    faces = tuple(
        FaceFacts(0, round(t * 25), t, (10.4, 5.0, 40.0, 44.6), 0.99, 30.0, 50.0, None)
        for t in times
    )
    items = tuple(
        ScoredItem(t, t, logit, "face 1") for t, logit in zip(times, logits, strict=False)
    )
    branch = BranchResult(
        "xception", "1", "Faces", MediaKind.IMAGE, BranchStatus.SCORED, logit=1.0, items=items
    )
    return AnalysisResult(
        input=InputFacts("file", 100, "0" * 64, "0" * 128, kind),
        media=MEDIA[kind],
        quality=(),
        faces=faces,
        branches=(branch,) if items else (),
        decision=decision(verdict, probability),
        segments=(),
        sentences=(),
        transforms=(),
        artefacts=(),
        provenance=Provenance(
            "0.1.0", "", "standard", "", {}, {}, "3.11", "Linux", "cpu", "float32", 0, True,
            {"total": 1.25},
        ),
    )  # fmt: skip


def decision(verdict: Verdict, probability: float | None) -> Decision:
    """A decision whose other fields do not matter here."""
    return Decision(
        verdict=verdict,
        llr=None if probability is None else 1.0,
        log10_lr=None if probability is None else 0.43,
        log10_lr_interval=None,
        log10_lr_bounds=None,
        bound_reached=False,
        probability=probability,
        prior=0.5,
        threshold=0.5,
        strategy="logistic",
        bias=0.0,
        contributions=(),
        propositions=("manipulated", "not manipulated"),
        verbal="",
        verbal_table="1",
        reason="",
        recommendation="Have an examiner look at it.",
    )
