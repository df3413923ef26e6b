"""What the page of a finding shows first, and whose heat map lies on whose face."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cases.models import Exhibit
from detection.models import Artefact
from detection.views.finding import finding_page
from detection.views.lanes import lanes_of
from ml.result import AnalysisResult, BranchStatus, Curve, MediaKind, ScoredItem
from tests.web.sample import sample_outcome

LOGITS = Curve("face 1", (0.0, 1.0, 2.0), (0.5, 2.5, 1.5), "s", "logit")
WINDOWS = Curve("windows", (0.0, 1.0, 2.0), (1.0, 1.0, 1.0), "s", "logit")
DROPS = Curve("without this moment", (0.0, 1.0, 2.0), (1.0, 1.0, 1.0), "s", "fall of the logit")


def result_of(kind: MediaKind, **curves: tuple[Curve, ...]) -> AnalysisResult:
    """The made-up finding of a recording of ``kind`` with these curves of its branches."""
    exhibit = Exhibit(name="x", kind=kind, size=1, sha256="a" * 64, sha512="b" * 128)
    result = sample_outcome(exhibit).result
    return replace(
        result,
        branches=tuple(replace(b, curves=curves.get(b.name, ())) for b in result.branches),
    )


@pytest.mark.parametrize(
    ("kind", "branch", "unit"),
    [
        (MediaKind.VIDEO, "Face appearance (Xception)", "logit"),
        (MediaKind.AUDIO, "Voice (AASIST)", "logit"),
    ],
)
def test_the_scores_of_what_was_seen_or_heard_are_the_main_curve(
    kind: MediaKind, branch: str, unit: str
) -> None:
    result = result_of(kind, aasist=(DROPS, WINDOWS), xception=(LOGITS,))
    main = [curve for curve in finding_page(result, ()).curves if curve["main"]]
    assert [(curve["branch"], curve["y_unit"]) for curve in main] == [(branch, unit)]


def picture(kind: str, producer: str, t: float, name: str) -> Artefact:
    return Artefact(kind=kind, producer=producer, t=t, track=0, name=name, mime_type="image/png")


def test_a_face_wears_the_heat_map_and_the_score_of_its_own_detector() -> None:
    artefacts = [
        picture(kind, producer, t, f"{producer} {kind} {t}")
        for t in (0.0, 1.0)
        for kind in ("thumbnail", "heatmap")
        for producer in ("resnext_lstm 1", "xception 1")
    ]
    page = finding_page(result_of(MediaKind.VIDEO, xception=(LOGITS,)), artefacts)
    assert [(card.detector, card.thumbnail.t, card.logit) for card in page.faces] == [
        ("Face appearance (Xception)", 1.0, 2.5),
        ("Face appearance (Xception)", 0.0, 0.5),
        ("Motion over time (ResNeXt + LSTM)", 0.0, None),
        ("Motion over time (ResNeXt + LSTM)", 1.0, None),
    ]
    for card in page.faces:
        assert [heat.producer for heat in card.heatmaps] == [card.thumbnail.producer]


def test_detectors_silent_for_one_reason_stand_together() -> None:
    result = result_of(MediaKind.VIDEO)
    silent = replace(
        result.branches[0], status=BranchStatus.NOT_APPLICABLE, reason="No face.", title="A"
    )
    result = replace(result, branches=(silent, replace(silent, title="B"), *result.branches[3:]))
    groups = [(group.titles, group.status_words) for group in finding_page(result, ()).silent]
    assert groups == [
        (("A", "B"), "not applicable"),
        (("Lips and sound",), "not applicable"),
        (("Ensemble of three networks",), "no weights"),
    ]


@pytest.mark.parametrize(
    ("item", "strength"),
    [
        (ScoredItem(0.0, 1.0, 3.0), "fake-strong"),
        (ScoredItem(0.0, 1.0, 3.0, llr=-0.1), "real"),
        (ScoredItem(0.0, 1.0, -3.0, llr=0.1), "fake"),
        (ScoredItem(0.0, 1.0, -3.0, llr=-1.5), "real-strong"),
    ],
)
def test_a_window_is_coloured_by_its_likelihood_ratio_where_there_is_one(
    item: ScoredItem, strength: str
) -> None:
    result = result_of(MediaKind.VIDEO)
    branches = (replace(result.branches[0], items=(item,)),)
    block = lanes_of(replace(result, branches=branches), 4.0)[0].blocks[0]
    assert block.strength == strength
    assert ("log10 LR" in block.note) == (item.llr is not None)


def test_the_waveform_is_coloured_by_what_counted_most_and_only_once() -> None:
    result = result_of(MediaKind.AUDIO)
    windows = (ScoredItem(0.0, 4.0, 3.0), ScoredItem(2.0, 6.0, -1.0))
    marked = {"aasist": windows, "xception": (ScoredItem(0.0, 12.0, -3.0),)}
    branches = tuple(replace(b, items=marked.get(b.name, ())) for b in result.branches)
    shares = tuple(
        replace(share, value=9.0 if share.branch == "aasist" else 1.0)
        for share in result.decision.contributions
    )
    result = replace(
        result, branches=branches, decision=replace(result.decision, contributions=shares)
    )
    regions = finding_page(result, ()).regions
    assert [region["strength"] for region in regions] == ["fake-strong", "real"]
    assert regions[0]["end"] == pytest.approx(regions[1]["start"])
