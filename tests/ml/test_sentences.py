"""What a finding says about itself follows from its numbers."""

from __future__ import annotations

import numpy as np

from ml.explain.sentences import sentences
from ml.fusion.decision import DecisionRule, decide
from ml.fusion.heads import FusionHead, FusionHeads
from ml.result import BranchResult, BranchStatus, MediaKind


def scored(name: str, llr: float | None) -> BranchResult:
    return BranchResult(
        name=name,
        version="1",
        title=name.title(),
        modality=MediaKind.IMAGE,
        status=BranchStatus.SCORED,
        logit=1.0,
        llr=llr,
        llr_bounds=None if llr is None else (-2.0, 2.0),
    )


def said(*branches: BranchResult, weights: tuple[float, ...], bias: float = 0.0) -> tuple[str, ...]:
    counted = tuple(branch.name for branch in branches if branch.llr is not None)
    head = FusionHead(counted, weights, bias, -2.0, 2.0, 30, 30)
    rule = DecisionRule("logistic", 0.5, 0.5, 1.0, 2.0, 0.0, 1.0, {})
    return sentences(branches, decide(branches, rule, FusionHeads((head,))), (), ())


def test_a_branch_of_no_weight_favours_no_side() -> None:
    lines = said(scored("first", 1.5), scored("second", -1.0), weights=(1.0, 0.0))
    assert "First adds +1.50 to the log-odds (manipulated side)." in lines
    assert "Second adds nothing to the log-odds." in lines
    assert not any(line.startswith("Second adds") and "side" in line for line in lines)


def test_what_rounds_to_nothing_is_nothing() -> None:
    smallest = float(np.nextafter(0.005, 0))
    lines = said(scored("first", 1.5), scored("second", smallest), weights=(1.0, 1.0))
    assert "Second adds nothing to the log-odds." in lines


def test_a_score_that_does_not_count_is_named() -> None:
    counted = scored("first", 1.5), scored("second", 1.0)
    lines = said(*counted, scored("third", None), weights=(1.0, 1.0))
    sentence = "Third was scored but not counted: no calibration turns its score into evidence."
    assert lines.count(sentence) == 1
    assert not any("not counted" in line for line in said(*counted, weights=(1.0, 1.0)))


def test_what_is_added_adds_up_and_a_cut_is_named() -> None:
    branches = scored("first", 1.0), scored("second", 0.5)
    lines = said(*branches, weights=(1.0, 1.0), bias=0.2)
    assert "The fusion itself adds +0.20 to the log-odds (manipulated side)." in lines
    assert not any("was cut" in line for line in lines)
    lines = said(*branches, weights=(2.0, 2.0))
    assert not any("fusion itself" in line for line in lines)
    assert any("was cut at that bound" in line for line in lines)
