"""Identical, within tolerance, different, and why."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from audit.models import AuditEvent
from detection import services
from detection.comparison import Sameness, compare_results
from detection.errors import AnalysisRefused
from detection.models import Analysis
from tests.detection.conftest import outcome_for


def test_the_same_numbers_are_identical_whatever_the_time(exhibit: Any) -> None:
    first = outcome_for(exhibit).result
    second = outcome_for(exhibit, timings_s={"total": 9.0}).result
    comparison = compare_results(first, second)
    assert comparison.sameness == Sameness.IDENTICAL
    assert comparison.differences == ()
    assert comparison.reasons == ()


def test_a_rounding_is_within_tolerance_and_the_hardware_is_named(exhibit: Any) -> None:
    first = outcome_for(exhibit).result
    second = outcome_for(exhibit, llr=2.0004, content=b"a map", device="cuda").result
    comparison = compare_results(first, second)
    assert comparison.sameness == Sameness.WITHIN_TOLERANCE
    assert comparison.largest_delta == pytest.approx(0.0004)
    assert comparison.reasons == ("device: cpu and cuda.",)


def test_beyond_the_tolerance_is_different_and_the_tolerance_is_stated(exhibit: Any) -> None:
    first, second = outcome_for(exhibit).result, outcome_for(exhibit, llr=2.01).result
    assert compare_results(first, second).sameness == Sameness.DIFFERENT
    wide = compare_results(first, second, tolerance=0.1)
    assert (wide.sameness, wide.tolerance) == (Sameness.WITHIN_TOLERANCE, 0.1)


def test_another_number_is_different(exhibit: Any) -> None:
    comparison = compare_results(outcome_for(exhibit).result, outcome_for(exhibit, llr=-2).result)
    assert comparison.sameness == Sameness.DIFFERENT
    assert "decision.verdict" in [item.where for item in comparison.differences]


def test_another_picture_from_the_same_numbers_is_different(exhibit: Any) -> None:
    first, second = outcome_for(exhibit), outcome_for(exhibit, content=b"another map")
    comparison = compare_results(first.result, second.result)
    assert comparison.sameness == Sameness.DIFFERENT
    assert [item.where for item in comparison.differences] == ["file face-0-heatmap.png"]


def test_new_weights_and_packages_are_reasons(exhibit: Any) -> None:
    first = outcome_for(exhibit).result
    second = outcome_for(exhibit, packages={"torch": "2.12.0"}).result
    branch = dataclasses.replace(second.branches[0], weights_sha256="f" * 64)
    comparison = compare_results(first, dataclasses.replace(second, branches=(branch,)))
    assert comparison.reasons[0] == "package torch: 2.11.0 and 2.12.0."
    assert comparison.reasons[1].startswith("example weights sha256")


def test_comparing_is_recorded(finding: Any, examiner: Any) -> None:
    second = services.rerun_analysis(actor=examiner, analysis=finding.analysis)
    claimed = services.claim_analysis(str(second.pk), "worker-2")
    assert claimed is not None
    services.store_result(analysis=claimed, outcome=outcome_for(finding.analysis.exhibit))
    comparison = services.compare_runs(actor=examiner, first=finding.analysis, second=second)
    assert comparison.sameness == Sameness.IDENTICAL
    entry = AuditEvent.objects.get(action="analysis.compared")
    assert entry.payload["outcome"] == "identical"
    assert entry.payload["with"] == str(finding.analysis_id)


def test_an_analysis_without_a_finding_is_not_compared(
    finding: Any, exhibit: Any, examiner: Any
) -> None:
    queued: Analysis = services.submit_analysis(actor=examiner, exhibit=exhibit)
    with pytest.raises(AnalysisRefused) as refused:
        services.compare_runs(actor=examiner, first=finding.analysis, second=queued)
    assert refused.value.code == "no_finding"
