"""Findings side by side: which numbers, settings and versions differ."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from accounts.templatetags.dfd import percent, signed
from detection.views.finding import STATUS_WORDS
from ml.result import AnalysisResult, BranchResult

LN10 = math.log(10)


# More columns than this cannot be read beside each other.
MOST_COMPARED = 6


@dataclass(frozen=True)
class Row:
    """One line of the comparison; ``differs`` marks what an examiner should look at."""

    label: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        return len(set(self.values)) > 1


@dataclass(frozen=True)
class Tables:
    numbers: tuple[Row, ...]
    branches: tuple[Row, ...]
    circumstances: tuple[Row, ...]


def side_by_side(results: Sequence[AnalysisResult]) -> Tables:
    """Two or more results field by field, in their order."""
    decisions = [result.decision for result in results]
    return Tables(
        numbers=(
            _row(_("Verdict"), (d.verdict for d in decisions)),
            _row("log10 LR", (_figure(d.log10_lr) for d in decisions)),
            _row(_("Probability"), (percent(d.probability) for d in decisions)),
            _row(_("Strategy"), (d.strategy for d in decisions)),
            _row(_("Threshold"), (d.threshold for d in decisions)),
            _row(_("Prior"), (d.prior for d in decisions)),
        ),
        branches=tuple(_branch_rows(results)),
        circumstances=tuple(_circumstances(results)),
    )


def _branch_rows(results: Sequence[AnalysisResult]) -> list[Row]:
    by_name = [{branch.name: branch for branch in result.branches} for result in results]
    titles = {branch.name: branch.title for result in results for branch in result.branches}
    return [
        _row(title, (_branch(branches.get(name)) for branches in by_name))
        for name, title in titles.items()
    ]


def _branch(branch: BranchResult | None) -> str:
    if branch is None:
        return _("not run")
    if branch.llr is None:
        return str(STATUS_WORDS[branch.status])
    return f"log10 LR {_figure(branch.llr / LN10)}"


def _circumstances(results: Sequence[AnalysisResult]) -> list[Row]:
    made = [result.provenance for result in results]
    rows = [
        _row(_("File"), (result.input.sha256 for result in results)),
        _row(_("Kind"), (result.input.kind for result in results)),
        _row(_("Profile"), (p.profile for p in made)),
        _row(_("Tool version"), (p.tool_version for p in made)),
        _row(_("Code"), (p.git_commit for p in made)),
        _row(_("Device"), (f"{p.device} {p.dtype}" for p in made)),
        _row(_("Seed"), (p.seed for p in made)),
    ]
    for key in sorted({key for p in made for key in p.parameters}):
        rows.append(_row(key.replace("_", " "), (p.parameters.get(key, "–") for p in made)))
    for name in sorted({name for p in made for name in p.packages}):
        row = _row(name, (p.packages.get(name, "–") for p in made))
        if row.differs:
            rows.append(row)
    return rows


def _row(label: str, values: Iterable[object]) -> Row:
    return Row(label, tuple(str(value) for value in values))


def _figure(value: float | None) -> str:
    return signed(value, 4)
