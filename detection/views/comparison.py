"""Two findings side by side: which numbers, settings and versions differ."""

from __future__ import annotations

import math
from dataclasses import dataclass

from django.utils.translation import gettext as _

from ml.result import AnalysisResult, BranchResult

LN10 = math.log(10)


@dataclass(frozen=True)
class Row:
    """One line of the comparison; ``differs`` marks what an examiner should look at."""

    label: str
    left: str
    right: str
    differs: bool


@dataclass(frozen=True)
class Tables:
    numbers: tuple[Row, ...]
    branches: tuple[Row, ...]
    circumstances: tuple[Row, ...]


def side_by_side(left: AnalysisResult, right: AnalysisResult) -> Tables:
    """Two results field by field."""
    ours, theirs = left.decision, right.decision
    return Tables(
        numbers=(
            _row(_("Verdict"), ours.verdict, theirs.verdict),
            _row("log10 LR", _figure(ours.log10_lr), _figure(theirs.log10_lr)),
            _row(_("Probability"), _figure(ours.probability), _figure(theirs.probability)),
            _row(_("Strategy"), ours.strategy, theirs.strategy),
            _row(_("Threshold"), str(ours.threshold), str(theirs.threshold)),
            _row(_("Prior"), str(ours.prior), str(theirs.prior)),
        ),
        branches=tuple(_branch_rows(left, right)),
        circumstances=tuple(_circumstances(left, right)),
    )


def _branch_rows(left: AnalysisResult, right: AnalysisResult) -> list[Row]:
    ours = {branch.name: branch for branch in left.branches}
    theirs = {branch.name: branch for branch in right.branches}
    titles = {branch.name: branch.title for branch in (*left.branches, *right.branches)}
    return [
        _row(title, _branch(ours.get(name)), _branch(theirs.get(name)))
        for name, title in titles.items()
    ]


def _branch(branch: BranchResult | None) -> str:
    if branch is None:
        return _("not run")
    if branch.llr is None:
        return str(branch.status).replace("_", " ")
    return f"log10 LR {branch.llr / LN10:.4f}"


def _circumstances(left: AnalysisResult, right: AnalysisResult) -> list[Row]:
    ours, theirs = left.provenance, right.provenance
    rows = [
        _row(_("File"), left.input.sha256, right.input.sha256),
        _row(_("Profile"), ours.profile, theirs.profile),
        _row(_("Tool version"), ours.tool_version, theirs.tool_version),
        _row(_("Code"), ours.git_commit, theirs.git_commit),
        _row(_("Device"), f"{ours.device} {ours.dtype}", f"{theirs.device} {theirs.dtype}"),
        _row(_("Seed"), str(ours.seed), str(theirs.seed)),
    ]
    for key in sorted({*ours.parameters, *theirs.parameters}):
        rows.append(
            _row(
                key.replace("_", " "),
                str(ours.parameters.get(key, "–")),
                str(theirs.parameters.get(key, "–")),
            )
        )
    changed = {*ours.packages.items()} ^ {*theirs.packages.items()}
    for name in sorted({name for name, _version in changed}):
        rows.append(_row(name, ours.packages.get(name, "–"), theirs.packages.get(name, "–")))
    return rows


def _row(label: str, left: str, right: str) -> Row:
    return Row(label, str(left), str(right), str(left) != str(right))


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
