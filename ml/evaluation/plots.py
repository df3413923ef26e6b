"""Pictures of one evaluation, as SVG: six panels a set, and the errors by generator and corpus."""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from scipy.stats import norm

from ml.evaluation.metrics import Floats, error_curve, risk_coverage
from ml.evaluation.reports import Detector
from ml.evaluation.scored import Measured, groups

COLOURS = ("#1f5fa8", "#c2570c", "#1d7a4c", "#7b3fa0", "#a3123f", "#4d4d4d")
REAL_COLOUR, GRID = "#1d7a4c", "#d9d9d9"
DET_TICKS = (0.01, 0.05, 0.2, 0.4, 0.6)
POINTS = 64
# What only makes the files larger: hundredths of a point are below what a reader can see. Words
# on the picture, numbers among them, stay as they are.
DECIMALS = re.compile(r">[^<]*</text>|(\.\d)\d+")
SHORTER = (
    (re.compile(r" \n?(?=[LMz] )|\n(?=[LMz][ \n\"])"), ""),
    (re.compile(r"'DejaVu Sans',[^;\"]*sans-serif"), "'DejaVu Sans', sans-serif"),
    (re.compile(r"\n +"), "\n"),
    (re.compile(r" style=\"stroke:none;?\""), ""),
)
BINS = 8
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "dfd-platform",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
}
Shown = list[tuple[str, Measured]]


def draw(what: str, found: Sequence[Detector], folder: Path) -> list[Path]:
    """Write the pictures of every set of ``found`` in place of earlier ones of ``what``."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{what}-*.svg"):
        old.unlink()
    sets: dict[str, Shown] = {}
    for detector in found:
        for item in detector.sets:
            sets.setdefault(item.name, []).append((detector.name, item))
    written = []
    with mpl.rc_context(STYLE):
        for name, shown in sets.items():
            stem = f"{what}-{slug(name)}"
            written.append(save(panels(f"{what}: {name}", shown), folder / f"{stem}.svg"))
            written.append(save(bars(*best(shown)), folder / f"{stem}-groups.svg"))
    return written


def slug(name: str) -> str:
    """A set's name as part of a file name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def best(shown: Shown) -> tuple[str, Measured]:
    """The fusion where there is one, else the first detector with likelihood ratios."""
    calibrated = [pair for pair in shown if pair[1].llrs is not None]
    fused = [pair for pair in calibrated if "+" in pair[0]]
    return (fused or calibrated or shown)[0]


def panels(title: str, shown: Shown) -> Figure:
    """ROC, DET, reliability, Tippett, risk over coverage, confusion matrix."""
    figure = Figure(figsize=(10.2, 6.6), layout="constrained")
    axes = figure.subplots(2, 3)
    for place, (name, item) in enumerate(shown):
        colour = COLOURS[place % len(COLOURS)]
        roc(axes[0, 0], name, item, colour)
        det(axes[0, 1], item, colour)
        if item.llrs is not None:
            reliability(axes[0, 2], item, colour)
            tippett(axes[1, 0], item.llrs, item, colour)
            risk(axes[1, 1], item.llrs, item, colour)
    _frame(axes[0, 0], "ROC", "real called fake", "fake called fake")
    axes[0, 0].legend(loc="lower right")
    _frame(axes[0, 1], "DET", "real called fake", "fake missed")
    _det_axes(axes[0, 1])
    _frame(axes[0, 2], "Reliability", "stated probability of fake", "share that is fake")
    axes[0, 2].plot([0, 1], [0, 1], color="#4d4d4d", linewidth=0.8, linestyle=":")
    _frame(axes[1, 0], "Tippett", "log10 LR above", "share of recordings")
    axes[1, 0].axvline(0, color="#4d4d4d", linewidth=0.8, linestyle=":")
    _frame(axes[1, 1], "Risk over coverage", "share answered", "errors among the answered")
    axes[1, 1].axvline(0.8, color="#4d4d4d", linewidth=0.8, linestyle=":")
    if not any(item.llrs is not None for _, item in shown):
        for place in (axes[0, 2], axes[1, 0], axes[1, 1]):
            place.text(0.5, 0.5, "no calibrator", ha="center", transform=place.transAxes)
    confusion(axes[1, 2], *best(shown))
    real, fake = (~shown[0][1].is_fake).sum(), shown[0][1].is_fake.sum()
    figure.suptitle(f"{title} ({real} real, {fake} fake)", fontsize=11)
    return figure


def roc(axis: Axes, name: str, item: Measured, colour: str) -> None:
    """True-positive over false-positive rate."""
    curve = error_curve(item.logits, item.is_fake)
    x, y = thinned(curve.false_alarms, 1 - curve.misses)
    axis.plot(x, y, color=colour, label=name)


def det(axis: Axes, item: Measured, colour: str) -> None:
    """Both error rates on normal-deviate scales."""
    curve = error_curve(item.logits, item.is_fake)
    inner = (curve.false_alarms > 0) & (curve.misses > 0)
    inner &= (curve.false_alarms < 1) & (curve.misses < 1)
    x, y = thinned(curve.false_alarms[inner], curve.misses[inner])
    axis.plot(norm.ppf(x), norm.ppf(y), color=colour)


def reliability(axis: Axes, item: Measured, colour: str) -> None:
    """Observed share of fakes in bins of stated probability with equally many recordings."""
    stated = item.probabilities
    assert stated is not None
    order = np.argsort(stated, kind="stable")
    bins = [part for part in np.array_split(order, min(BINS, len(order))) if part.size]
    x = [float(stated[part].mean()) for part in bins]
    y = [float(item.is_fake[part].mean()) for part in bins]
    axis.plot(x, y, color=colour, marker="o", markersize=3.5)


def tippett(axis: Axes, llrs: Floats, item: Measured, colour: str) -> None:
    """Share of fakes (solid) and of real recordings (dashed) with a larger ratio."""
    for fake, style in ((True, "-"), (False, "--")):
        values = np.sort(llrs[item.is_fake == fake]) / np.log(10)
        x, y = thinned(values, 1 - np.arange(values.size) / values.size)
        axis.plot(x, y, color=colour, linestyle=style)


def risk(axis: Axes, llrs: Floats, item: Measured, colour: str) -> None:
    """Errors when only the most certain share is answered; points at 80 and 100 %."""
    curve = risk_coverage(llrs, item.is_fake)
    x, y = thinned(curve.coverages, curve.risks)
    axis.plot(x, y, color=colour)
    axis.plot(
        [0.8, 1.0],
        [curve.risk_at(0.8), curve.risk_at(1.0)],
        color=colour,
        marker="o",
        linestyle="none",
        markersize=4,
    )


def confusion(axis: Axes, name: str, item: Measured) -> None:
    """Counts of the best detector of the set; shaded by the share of the row."""
    counts = np.array(
        [
            [(~item.called & ~item.is_fake).sum(), (item.called & ~item.is_fake).sum()],
            [(~item.called & item.is_fake).sum(), (item.called & item.is_fake).sum()],
        ]
    )
    shares = counts / counts.sum(axis=1, keepdims=True)
    axis.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1.6, edgecolors="white", linewidth=2)
    for (row, column), count in np.ndenumerate(counts):
        words = f"{count}\n{shares[row, column]:.0%}"
        axis.text(column + 0.5, row + 0.5, words, ha="center", va="center")
    axis.set_xticks([0.5, 1.5], ["called real", "called fake"])
    axis.set_yticks([0.5, 1.5], ["real", "fake"])
    axis.invert_yaxis()
    axis.grid(visible=False)
    axis.set_title(f"Confusion: {name}")


def bars(name: str, item: Measured) -> Figure:
    """Error of each generator and each corpus with its 95 % interval."""
    rows = [(g, COLOURS[0]) for g in groups(item, fake=True)]
    rows += [(g, REAL_COLOUR) for g in groups(item, fake=False)]
    figure = Figure(figsize=(7.2, 1.1 + 0.19 * len(rows)), layout="constrained")
    axis = figure.subplots()
    for place, (group, colour) in enumerate(rows):
        low, high = group["ci"]
        axis.barh(place, group["error"], color=colour, height=0.62)
        axis.plot([low, high], [place, place], color="#222222", linewidth=0.9)
    labels = [f"{group['name']} ({group['n']})" for group, _ in rows]
    axis.set_yticks(range(len(rows)), labels, fontsize=7.5)
    axis.invert_yaxis()
    axis.margins(y=0.01)
    axis.grid(visible=False, axis="y")
    axis.set_xlim(0, 1)
    axis.set_xlabel("wrong answers, 95 % interval; blue: generators, green: real recordings")
    axis.set_title(f"{name}: {item.name}")
    return figure


def thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """At most ``POINTS`` of the points, first and last among them."""
    if x.size <= POINTS:
        return x, y
    places = np.unique(np.linspace(0, x.size - 1, POINTS).round().astype(int))
    return x[places], y[places]


def save(figure: Figure, path: Path) -> Path:
    """Write the same bytes for the same numbers."""
    FigureCanvasSVG(figure)
    drawn = StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None}, facecolor="white")
    text = DECIMALS.sub(lambda found: found[1] or found[0], drawn.getvalue())
    for pattern, instead in SHORTER:
        text = pattern.sub(instead, text)
    path.write_text(text, encoding="utf-8")
    return path


def _frame(axis: Axes, title: str, x: str, y: str) -> None:
    axis.set_title(title)
    axis.set_xlabel(x)
    axis.set_ylabel(y)
    axis.locator_params(nbins=5)


def _det_axes(axis: Axes) -> None:
    places = norm.ppf(DET_TICKS)
    labels = [f"{100 * tick:g}" for tick in DET_TICKS]
    axis.set_xticks(places, labels)
    axis.set_yticks(places, labels)
    axis.set_xlim(norm.ppf(0.005), norm.ppf(0.7))
    axis.set_ylim(norm.ppf(0.005), norm.ppf(0.7))
    axis.plot([-3, 1], [-3, 1], color="#4d4d4d", linewidth=0.8, linestyle=":")
    axis.set_xlabel("real called fake, %")
    axis.set_ylabel("fake missed, %")
