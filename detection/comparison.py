"""Two runs side by side: identical, within a stated tolerance, or different, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ml.result import AnalysisResult, BranchResult, Decision, Provenance

# Largest difference of a logit, a log-likelihood ratio or a probability that still counts as the
# same finding: other hardware sums in another order.
TOLERANCE = 1e-3


class Sameness(StrEnum):
    """How far two findings agree."""

    IDENTICAL = "identical"
    WITHIN_TOLERANCE = "within tolerance"
    DIFFERENT = "different"


@dataclass(frozen=True)
class Difference:
    """One value that is not the same; ``delta`` is None for what is not a number."""

    where: str
    first: Any
    second: Any
    delta: float | None
    tolerated: bool


@dataclass(frozen=True)
class Comparison:
    """What differs between two findings, and what differs in how they were made."""

    sameness: Sameness
    tolerance: float
    differences: tuple[Difference, ...]
    reasons: tuple[str, ...]

    @property
    def largest_delta(self) -> float:
        """The largest numeric difference, 0 when there is none."""
        return max((item.delta for item in self.differences if item.delta is not None), default=0.0)


def compare_results(
    first: AnalysisResult, second: AnalysisResult, tolerance: float = TOLERANCE
) -> Comparison:
    """Compare decision, branches, windows and derived files; times and hosts never count."""
    differences = tuple(_differences(first, second, tolerance))
    if not differences:
        sameness = Sameness.IDENTICAL
    elif all(item.tolerated for item in differences):
        sameness = Sameness.WITHIN_TOLERANCE
    else:
        sameness = Sameness.DIFFERENT
    return Comparison(sameness, tolerance, differences, tuple(_reasons(first, second)))


def _differences(
    first: AnalysisResult, second: AnalysisResult, tolerance: float
) -> Iterator[Difference]:
    pairs = {**_values(first)}, {**_values(second)}
    exact = True
    for where in sorted(pairs[0].keys() | pairs[1].keys()):
        one, other = pairs[0].get(where), pairs[1].get(where)
        if one != other:
            difference = _difference(where, one, other, tolerance)
            exact = False
            yield difference
    # Pictures are drawn from the numbers: when these are off by a rounding, so are the pixels.
    for name, one, other in _files(first, second):
        yield Difference(name, one, other, None, tolerated=not exact and bool(one and other))


def _difference(where: str, first: Any, second: Any, tolerance: float) -> Difference:
    if isinstance(first, float) and isinstance(second, float):
        delta = abs(first - second)
        return Difference(where, first, second, delta, tolerated=delta <= tolerance)
    return Difference(where, first, second, None, tolerated=False)


def _values(result: AnalysisResult) -> dict[str, Any]:
    values = {f"decision.{name}": value for name, value in _of_decision(result.decision)}
    for branch in result.branches:
        values |= {f"{branch.name}.{name}": value for name, value in _of_branch(branch)}
    values |= {f"quality.{gate.name}": gate.passed for gate in result.quality}
    values["faces"] = len(result.faces)
    return values


def _of_decision(decision: Decision) -> Iterator[tuple[str, Any]]:
    yield "verdict", str(decision.verdict)
    yield "llr", decision.llr
    yield "probability", decision.probability
    for share in decision.contributions:
        yield f"contribution.{share.branch}", share.value


def _of_branch(branch: BranchResult) -> Iterator[tuple[str, Any]]:
    yield "status", str(branch.status)
    yield "logit", branch.logit
    yield "llr", branch.llr
    yield "items", len(branch.items)
    for number, item in enumerate(branch.items):
        yield f"items[{number}].start", item.start
        yield f"items[{number}].logit", item.logit


def _files(first: AnalysisResult, second: AnalysisResult) -> Iterator[tuple[str, str, str]]:
    one = {item.name: item.sha256 for item in first.artefacts}
    other = {item.name: item.sha256 for item in second.artefacts}
    for name in sorted(one.keys() | other.keys()):
        if one.get(name) != other.get(name):
            yield f"file {name}", one.get(name, ""), other.get(name, "")


def _reasons(first: AnalysisResult, second: AnalysisResult) -> Iterator[str]:
    if first.input.sha256 != second.input.sha256:
        yield "The runs read different files."
    for name, one, other in _making(first.provenance, second.provenance):
        if one != other:
            yield f"{name}: {one} and {other}."
    yield from _reasons_of_branches(first, second)


def _making(first: Provenance, second: Provenance) -> Iterator[tuple[str, Any, Any]]:
    for field in (
        "tool_version",
        "git_commit",
        "profile",
        "profile_sha256",
        "parameters",
        "python",
        "platform",
        "device",
        "dtype",
        "seed",
        "deterministic",
    ):
        yield field.replace("_", " "), getattr(first, field), getattr(second, field)
    for package in sorted(first.packages.keys() | second.packages.keys()):
        yield (
            f"package {package}",
            first.packages.get(package, "absent"),
            second.packages.get(package, "absent"),
        )


def _reasons_of_branches(first: AnalysisResult, second: AnalysisResult) -> Iterator[str]:
    one = {branch.name: branch for branch in first.branches}
    other = {branch.name: branch for branch in second.branches}
    for name in sorted(one.keys() | other.keys()):
        if name not in one or name not in other:
            yield f"Only one run used the branch {name}."
            continue
        for field in ("version", "weights_sha256", "calibrator_sha256"):
            values = getattr(one[name], field), getattr(other[name], field)
            if values[0] != values[1]:
                yield f"{name} {field.replace('_', ' ')}: {values[0]} and {values[1]}."
    if first.decision.fusion_sha256 != second.decision.fusion_sha256:
        yield "The fusion was fitted anew between the runs."
