"""The lanes of a finding's timeline: scored windows, seen faces, lips in or out of step.

Positions are percentages of the lane's width.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from ml.result import AnalysisResult, Curve, ScoredItem

STRONG_LOGIT = 2.0
STRONG_LLR = math.log(4)
LEAST_WIDTH = 0.2
AV_SYNC = "av_sync"
SYNCHRONY = "synchrony"
# Lips are judged over stretches: a single frame of a smoothed curve says nothing.
SYNC_STEP_S = 0.4
# A face that is missing for longer than this many usual steps has left the picture.
MISSED_STEPS = 2.5


@dataclass(frozen=True)
class Block:
    left: float
    width: float
    strength: str
    start: float
    end: float
    note: str


@dataclass(frozen=True)
class Lane:
    """One row of the timeline. ``kind``: scored, track (a face is seen) or sync (lips in step)."""

    branch: str
    label: str
    blocks: tuple[Block, ...]
    kind: str = "scored"


def lanes_of(result: AnalysisResult, duration: float) -> tuple[Lane, ...]:
    """A lane for each branch, or for each label (face track) where a branch names several, then
    the lips' synchrony and each person's presence. Empty for a still."""
    if duration <= 0:
        return ()
    lanes = []
    for branch in result.branches:
        rows: dict[str, list[ScoredItem]] = defaultdict(list)
        for item in branch.items:
            rows[item.label].append(item)
        for label, items in rows.items():
            title = f"{branch.title}, {label}" if len(rows) > 1 else branch.title
            lanes.append(Lane(branch.name, title, tuple(_scored(items, duration))))
    return (*lanes, *_sync_lanes(result, duration), *_track_lanes(result, duration))


def strength_of(item: ScoredItem) -> str:
    """A word for the colour of one scored window: how far it leans and to which side, by its
    likelihood ratio, by the raw logit where no calibration tells where neutral lies."""
    lean, strong = (item.logit, STRONG_LOGIT) if item.llr is None else (item.llr, STRONG_LLR)
    side = "fake" if lean > 0 else "real"
    return f"{side}-strong" if abs(lean) >= strong else side


def _note_of(item: ScoredItem) -> str:
    note = f"logit {item.logit:+.2f}"
    if item.llr is not None:
        # Read on the scale of the whole recording: one window is not evidence by itself.
        note = f"{note}, as a whole recording log10 LR {item.llr / math.log(10):+.2f}"
    return note.replace("-", "−")


def _scored(items: list[ScoredItem], duration: float) -> Iterable[Block]:
    """One block an item, side by side: overlapping windows meet half-way between their centres,
    and single frames are as wide as the usual distance between frames."""
    items = sorted(items, key=lambda item: item.start)
    centres = [(item.start + item.end) / 2 for item in items]
    usual = _usual_gap(centres) or duration
    for index, item in enumerate(items):
        reach = max(item.end - item.start, usual) / 2
        left, right = centres[index] - reach, centres[index] + reach
        if index:
            left = max(left, (centres[index - 1] + centres[index]) / 2)
        if index + 1 < len(items):
            right = min(right, (centres[index] + centres[index + 1]) / 2)
        yield _block(
            left, right, duration, strength_of(item), _note_of(item), start=item.start, end=item.end
        )


def _sync_lanes(result: AnalysisResult, duration: float) -> Iterator[Lane]:
    """Where the lips fit the sound at its own alignment better than at others, and where not."""
    for branch in result.branches:
        for curve in branch.curves:
            if branch.name == AV_SYNC and curve.name == SYNCHRONY and len(curve.x) > 1:
                blocks = tuple(_sync_blocks(curve, duration))
                yield Lane(branch.name, _("Lips and sound"), blocks, kind="sync")


def _sync_blocks(curve: Curve, duration: float) -> Iterator[Block]:
    steps: dict[int, list[float]] = defaultdict(list)
    for t, value in zip(curve.x, curve.y, strict=True):
        steps[int(t / SYNC_STEP_S)].append(value)
    for step, values in sorted(steps.items()):
        in_step = statistics.fmean(values) > 0
        yield _block(
            step * SYNC_STEP_S,
            (step + 1) * SYNC_STEP_S,
            duration,
            "sync" if in_step else "unsync",
            _("in step") if in_step else _("not in step"),
        )


def _track_lanes(result: AnalysisResult, duration: float) -> Iterator[Lane]:
    """When each person's face is in the picture."""
    seen: dict[int, set[float]] = defaultdict(set)
    for face in result.faces:
        seen[face.track].add(face.t)
    usual = _usual_gap(sorted({face.t for face in result.faces})) or duration
    for track, times in sorted(seen.items()):
        blocks = tuple(
            _block(start - usual / 2, end + usual / 2, duration, "seen", _("face seen"))
            for start, end in _stretches(sorted(times), MISSED_STEPS * usual)
        )
        yield Lane("", _("Face of person %(n)d") % {"n": track + 1}, blocks, kind="track")


def _stretches(times: list[float], most_missing: float) -> Iterator[tuple[float, float]]:
    """First and last time of each run without a gap longer than ``most_missing``."""
    start = times[0]
    for earlier, later in itertools.pairwise(times):
        if later - earlier > most_missing:
            yield start, earlier
            start = later
    yield start, times[-1]


def _usual_gap(times: list[float]) -> float:
    """The median distance of neighbours, 0 for fewer than two."""
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    return statistics.median(gaps) if gaps else 0.0


def _block(
    left: float,
    right: float,
    duration: float,
    strength: str,
    note: str,
    *,
    start: float | None = None,
    end: float | None = None,
) -> Block:
    left, right = max(0.0, left), min(duration, right)
    return Block(
        left=round(left / duration * 100, 3),
        width=round(max((right - left) / duration * 100, LEAST_WIDTH), 3),
        strength=strength,
        start=left if start is None else start,
        end=right if end is None else end,
        note=note,
    )
