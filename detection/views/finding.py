"""A finding as the page draws it: positions on scales, bars that add up, lanes of a timeline.

Numbers come from ``ml.result`` unchanged; here they are only placed and worded. Positions are
percentages of the drawing's width, so that the SVG needs no style attribute and no script.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.templatetags.dfd import signed
from detection.models import Artefact
from detection.views.faces import FaceCard, faces_of
from detection.views.lanes import Lane, lanes_of
from ml.result import (
    AnalysisResult,
    BranchResult,
    BranchStatus,
    Curve,
    Decision,
    MediaKind,
    QualityGate,
    Verdict,
)

LN10 = math.log(10)
SCALE_MARGIN = 0.35
LEAST_SCALE = 2.0
LEAST_POINTS = 3
METADATA = "metadata"
SCORED, REPORTED = BranchStatus.SCORED, BranchStatus.REPORTED
STATUS_WORDS = {
    SCORED: gettext_lazy("scored"),
    REPORTED: gettext_lazy("reported"),
    BranchStatus.NOT_APPLICABLE: gettext_lazy("not applicable"),
    BranchStatus.OUT_OF_DOMAIN: gettext_lazy("out of domain"),
    BranchStatus.NO_WEIGHTS: gettext_lazy("no weights"),
    BranchStatus.FAILED: gettext_lazy("failed"),
}


@dataclass(frozen=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True)
class LrScale:
    """The log10 likelihood ratio on its scale, FAKE to the right."""

    ticks: tuple[Tick, ...]
    point: float
    interval: tuple[float, float] | None
    bounds: tuple[float, float] | None

    @property
    def interval_width(self) -> float:
        return self.interval[1] - self.interval[0] if self.interval else 0.0

    @property
    def beyond_width(self) -> float:
        """Width of the part above the upper bound."""
        return 100.0 - self.bounds[1] if self.bounds else 0.0


@dataclass(frozen=True)
class Bar:
    """One signed bar around the middle line; ``value`` in log10 units."""

    label: str
    value: float
    left: float
    width: float
    supports_fake: bool
    note: str = ""


@dataclass(frozen=True)
class Silence:
    """Detectors without a number for one and the same reason."""

    titles: tuple[str, ...]
    status: BranchStatus
    reason: str

    @property
    def status_words(self) -> str:
        return str(STATUS_WORDS[self.status])


@dataclass(frozen=True)
class FindingPage:
    """All the page needs, in reading order."""

    result: AnalysisResult
    headline: str
    odds: str
    strength: str
    scale: LrScale | None
    bars: tuple[Bar, ...]
    total: Bar | None
    lanes: tuple[Lane, ...]
    duration: float
    curves: tuple[dict[str, Any], ...]
    regions: tuple[dict[str, Any], ...]
    faces: tuple[FaceCard, ...]
    pictures: tuple[Artefact, ...]
    scored: tuple[BranchResult, ...]
    silent: tuple[Silence, ...]
    failed_gates: tuple[QualityGate, ...]
    passed_gates: tuple[QualityGate, ...]
    next_steps: tuple[str, ...]
    artefacts: tuple[Artefact, ...]
    origin: dict[str, Any]

    @property
    def more_curves(self) -> bool:
        """Whether some curves are not main ones."""
        return any(not curve["main"] for curve in self.curves)

    @property
    def has_sync(self) -> bool:
        """Whether a lane tells lips in step from lips out of step."""
        return any(lane.kind == "sync" for lane in self.lanes)

    @property
    def has_tracks(self) -> bool:
        """Whether a lane tells when a face was seen."""
        return any(lane.kind == "track" for lane in self.lanes)

    @property
    def decision(self) -> Decision:
        return self.result.decision


def finding_page(result: AnalysisResult, artefacts: Sequence[Artefact]) -> FindingPage:
    """Arrange ``result`` and its derived files for the page."""
    duration = _duration(result)
    faces = faces_of(result, artefacts)
    shown = {card.thumbnail.pk for card in faces}
    shown |= {heatmap.pk for card in faces for heatmap in card.heatmaps}
    bars, total = _contributions(result)
    lanes = lanes_of(result, duration)
    return FindingPage(
        result=result,
        headline=headline(result.decision),
        odds=odds_sentence(result.decision),
        strength=strength_of(result.decision.verdict),
        scale=lr_scale(result.decision),
        bars=bars,
        total=total,
        lanes=lanes,
        duration=duration,
        curves=tuple(_curves(result)),
        regions=tuple(_regions(lanes, result, duration)),
        faces=faces,
        pictures=tuple(
            a for a in artefacts if a.pk not in shown and a.mime_type.startswith("image/")
        ),
        scored=tuple(b for b in result.branches if b.status is SCORED),
        silent=tuple(_silences(result)),
        failed_gates=tuple(gate for gate in result.quality if not gate.passed),
        passed_gates=tuple(gate for gate in result.quality if gate.passed),
        next_steps=tuple(next_steps(result)),
        artefacts=tuple(artefacts),
        origin=origin_of(result),
    )


def _silences(result: AnalysisResult) -> Iterable[Silence]:
    titles: dict[tuple[BranchStatus, str], list[str]] = defaultdict(list)
    for branch in result.branches:
        if branch.status not in (SCORED, REPORTED):
            titles[branch.status, branch.reason].append(branch.title)
    for (status, reason), names in titles.items():
        yield Silence(tuple(names), status, reason)


def next_steps(result: AnalysisResult) -> Iterable[str]:
    """What to do about detectors that gave no number, one sentence for each cause."""
    kind, statuses = result.input.kind, {branch.status for branch in result.branches}
    if kind is not MediaKind.AUDIO and not result.faces:
        yield _(
            "No face was found. Look whether a face is large, sharp and turned to the camera "
            "anywhere; cut that part out as a derived exhibit, or analyse with more frames."
        )
    if kind is MediaKind.VIDEO and result.media.audio is None:
        yield _(
            "The recording has no sound track, so voice and lips were not examined. Ask for the "
            "original if there should be one."
        )
    if BranchStatus.NO_WEIGHTS in statuses:
        yield _(
            "A detector of this profile has no trained weights, so it said nothing; the others are "
            "not affected. The profile “standard” has trained detectors only, and a laboratory "
            "can train others (docs/training.md)."
        )
    if BranchStatus.FAILED in statuses:
        yield _(
            "A detector stopped on an error; the others are not affected. Run the analysis again, "
            "with fewer frames if memory was the reason, and tell an administrator if it stays."
        )


def origin_of(result: AnalysisResult) -> dict[str, Any]:
    """Content Credentials, encoder, camera and times; empty when the profile did not read them."""
    return next((branch.details for branch in result.branches if branch.name == METADATA), {})


def strength_of(verdict: str) -> str:
    """The CSS word of a verdict."""
    return {"FAKE": "fake", "REAL": "real"}.get(str(verdict), "inconclusive")


def headline(decision: Decision) -> str:
    """The verdict in words."""
    if decision.verdict is Verdict.FAKE:
        return _("The findings support manipulation")
    if decision.verdict is Verdict.REAL:
        return _("The findings support an unmanipulated recording")
    if decision.log10_lr is None:
        return _("No finding: there was nothing the detectors could examine")
    return _("The findings do not decide the question")


def odds_sentence(decision: Decision) -> str:
    """What the likelihood ratio says, with both propositions; empty without one."""
    if decision.log10_lr is None:
        return ""
    manipulated, bona_fide = decision.propositions
    first, second = (manipulated, bona_fide) if decision.log10_lr >= 0 else (bona_fide, manipulated)
    text = (
        _(
            "These findings are at least %(times)s times more probable if %(first)s "
            "than if %(second)s."
        )
        if decision.bound_reached
        else _(
            "These findings are about %(times)s times more probable if %(first)s "
            "than if %(second)s."
        )
    )
    return text % {
        "times": rounded(10 ** abs(decision.log10_lr)),
        "first": _clause(first),
        "second": _clause(second),
    }


def rounded(value: float) -> str:
    """Two significant figures, as people say them: 1.3, 27, 1,400."""
    if value < 10:
        return f"{value:.2g}"
    step = 10 ** (math.floor(math.log10(value)) - 1)
    return f"{round(value / step) * step:,.0f}"


def lr_scale(decision: Decision) -> LrScale | None:
    """The scale from the most extreme number shown, alike to both sides."""
    if decision.log10_lr is None:
        return None
    shown = [
        decision.log10_lr,
        *(decision.log10_lr_bounds or ()),
        *(decision.log10_lr_interval or ()),
    ]
    reach: float = max(LEAST_SCALE, *(abs(value) for value in shown)) + SCALE_MARGIN

    def place(value: float) -> float:
        return round((value + reach) / (2 * reach) * 100, 3)

    whole = math.floor(reach)
    step = max(1, math.ceil(whole / 3))
    marks = [mark for mark in range(-whole, whole + 1) if mark % step == 0]
    interval, bounds = decision.log10_lr_interval, decision.log10_lr_bounds
    return LrScale(
        ticks=tuple(Tick(place(mark), _power(mark)) for mark in marks),
        point=place(decision.log10_lr),
        interval=(place(interval[0]), place(interval[1])) if interval else None,
        bounds=(place(bounds[0]), place(bounds[1])) if bounds else None,
    )


def _power(exponent: int) -> str:
    if abs(exponent) > 3:
        return f"10{str(exponent).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    return f"{10**exponent:,}" if exponent >= 0 else f"1/{10**-exponent:,}"


def _clause(proposition: str) -> str:
    text = proposition.strip().rstrip(".")
    return text[:1].lower() + text[1:]


def _contributions(result: AnalysisResult) -> tuple[tuple[Bar, ...], Bar | None]:
    decision = result.decision
    if decision.llr is None or not decision.contributions:
        return (), None
    titles = {branch.name: branch.title for branch in result.branches}
    rows = [
        (
            titles.get(share.branch, share.branch),
            share.value / LN10,
            _("own log10 LR %(own)s × weight %(weight).2f")
            % {"own": signed(share.llr / LN10), "weight": share.weight},
        )
        for share in decision.contributions
    ]
    if decision.bias:
        rows.append((_("Constant of the fusion"), decision.bias / LN10, ""))
    total = sum(value for _label, value, _note in rows)
    reach = max(0.5, abs(total), *(abs(value) for _label, value, _note in rows))
    bars = tuple(_bar(label, value, reach, note) for label, value, note in rows)
    return bars, _bar(_("Total"), total, reach)


def _bar(label: str, value: float, reach: float, note: str = "") -> Bar:
    width = min(50.0, abs(value) / reach * 50)
    left = 50.0 if value >= 0 else 50.0 - width
    return Bar(label, value, round(left, 3), round(max(width, 0.2), 3), value >= 0, note)


def _duration(result: AnalysisResult) -> float:
    ends = [item.end for branch in result.branches for item in branch.items]
    return max([result.media.duration_s or 0.0, *ends])


def _curves(result: AnalysisResult) -> Iterable[dict[str, Any]]:
    """Plots of curves with the same axes; one of them is the ``main`` one."""
    plots = []
    for branch in result.branches:
        by_axes: dict[tuple[str, str], list[Curve]] = defaultdict(list)
        for curve in branch.curves:
            if len(curve.x) >= LEAST_POINTS:
                by_axes[(curve.x_unit, curve.y_unit)].append(curve)
        plots += [(branch, axes, group) for axes, group in by_axes.items()]
    main = max(
        (index for index, (_branch, axes, _group) in enumerate(plots) if axes[0] == "s"),
        key=lambda index: _weight_of_plot(result, plots[index][0], plots[index][1][1]),
        default=None,
    )
    for index, (branch, (x_unit, y_unit), group) in enumerate(plots):
        yield {
            "branch": branch.title,
            "x_unit": x_unit,
            "y_unit": y_unit,
            "seeks": x_unit == "s",
            "main": index == main,
            "series": [{"name": c.name, "x": list(c.x), "y": list(c.y)} for c in group],
        }


def _weight_of_plot(
    result: AnalysisResult, branch: BranchResult, y_unit: str
) -> tuple[bool, bool, float]:
    """Scores before other measures, pictures of a video before its sound, then what counted."""
    shares = {share.branch: abs(share.value) for share in result.decision.contributions}
    sound = branch.modality is MediaKind.AUDIO
    fits = sound == (result.input.kind is MediaKind.AUDIO)
    return y_unit == "logit", fits, shares.get(branch.name, -1.0)


def _regions(
    lanes: Sequence[Lane], result: AnalysisResult, duration: float
) -> Iterable[dict[str, Any]]:
    """The waveform wears the colours of the lane that counted most; several would bury it."""
    shares = {share.branch: abs(share.value) for share in result.decision.contributions}
    scored = [lane for lane in lanes if lane.kind == "scored"]
    main = max(scored, key=lambda lane: shares.get(lane.branch, -1.0), default=None)
    for block in main.blocks if main else ():
        yield {
            "start": block.left / 100 * duration,
            "end": (block.left + block.width) / 100 * duration,
            "strength": block.strength,
        }
