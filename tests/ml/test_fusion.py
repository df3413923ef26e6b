"""Heads, strategies and decisions on data whose answers are known."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.errors import CalibrationError, ParameterError
from ml.fusion.decision import DecisionRule, decide
from ml.fusion.heads import FusionHead, FusionHeads, JointBounds, best_supported, fit_heads
from ml.fusion.strategies import Evidence, combine
from ml.fusion.verbal import verbal_table
from ml.parameters import STRATEGIES
from ml.result import BranchResult, BranchStatus, MediaKind, Verdict

RULE = DecisionRule(
    strategy="equal",
    threshold=0.5,
    prior=0.5,
    audio_temperature=1.0,
    inconclusive_lr=2.0,
    abstain_below=0.0,
    tau=1.0,
    shares={},
)
LN10 = math.log(10)


def branch(name: str, llr: float | None, modality: MediaKind = MediaKind.IMAGE) -> BranchResult:
    status = BranchStatus.NOT_APPLICABLE if llr is None else BranchStatus.SCORED
    return BranchResult(
        name=name,
        version="1",
        title=name.title(),
        modality=modality,
        status=status,
        reason="no face" if llr is None else "",
        logit=llr,
        llr=llr,
        llr_bounds=(-3.0, 3.0),
        llr_interval=None if llr is None else (llr - 0.5, llr + 0.5),
    )


def test_heads_exist_for_each_set_and_improve_on_the_parts(tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    is_fake = np.arange(2000) % 2 == 1
    parts = {name: generator.normal(size=2000) + 1.0 * is_fake for name in ("a", "b", "c")}
    llrs = {name: values - 0.5 for name, values in parts.items()}
    llrs["c"][::2][:100] = np.nan
    heads = fit_heads(llrs, is_fake)
    sets = {frozenset(head.branches) for head in heads.heads}
    assert sets == {frozenset(s) for s in (("a", "b"), ("a", "c"), ("b", "c"), ("a", "b", "c"))}
    both = heads.find(frozenset(("a", "b")))
    assert both is not None
    assert both.weights == pytest.approx((1.0, 1.0), abs=0.15)
    assert all(weight >= 0 for head in heads.heads for weight in head.weights)
    heads.save(tmp_path / "f.toml")
    assert FusionHeads.load(tmp_path / "f.toml").heads == heads.heads
    assert FusionHeads.load(tmp_path / "none.toml").heads == ()


def test_heads_need_enough_recordings() -> None:
    with pytest.raises(CalibrationError):
        fit_heads({"a": np.zeros(40), "b": np.zeros(40)}, np.arange(40) % 2 == 1)


SEEN = Evidence("x", MediaKind.IMAGE, 2.0, (-3.0, 3.0), share=0.6)
SEEN_TOO = Evidence("y", MediaKind.VIDEO, -1.0, (-2.0, 2.0), share=0.2)
HEARD = Evidence("z", MediaKind.AUDIO, 1.0, (-4.0, 4.0), share=0.2)


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("equal", (2 - 1 + 1) / 3),
        ("weighted_average", 0.6 * 2 - 0.2 * 1 + 0.2 * 1),
        ("video_trust", 0.425 * 2 - 0.425 * 1 + 0.15 * 1),
        ("majority", (1 + 1 - 1) * (4 / 3) / 3),
    ],
)
def test_strategies_by_hand(strategy: str, expected: float) -> None:
    evidence = (SEEN, SEEN_TOO, HEARD)
    result = combine(strategy, evidence, FusionHeads(), tau=1.0)
    total = sum(w * item.llr for w, item in zip(result.weights, evidence, strict=True))
    assert total == pytest.approx(expected)


def test_adaptive_weights_follow_the_formula() -> None:
    tau = 3.0
    result = combine("adaptive", (SEEN, HEARD), FusionHeads(), tau=tau)
    r = [1 / (1 + math.exp(-abs(item.llr))) for item in (SEEN, HEARD)]
    alpha = [math.exp(tau * value) for value in r]
    assert result.weights == pytest.approx([a / sum(alpha) for a in alpha])


def test_video_trust_gives_a_missing_modality_away() -> None:
    assert combine("video_trust", (HEARD,), FusionHeads(), 1.0).weights == pytest.approx((1.0,))
    assert combine("video_trust", (SEEN,), FusionHeads(), 1.0).weights == pytest.approx((1.0,))


def test_logistic_uses_the_head_of_exactly_the_branches_present() -> None:
    head = FusionHead(("x", "y"), (0.5, 0.25), 0.1, -2.0, 2.0, 40, 40)
    heads = FusionHeads((head,), "hash")
    result = combine("logistic", (SEEN_TOO, SEEN), heads, 1.0)
    assert (result.weights, result.bias, result.sha256) == ((0.25, 0.5), 0.1, "hash")
    other = combine("logistic", (SEEN, replace(SEEN_TOO, branch="w")), heads, 1.0)
    assert other.weights == (0.5, 0.5)
    assert "No fusion head" in other.note


def test_a_head_fitted_behind_another_calibrator_is_not_used() -> None:
    head = FusionHead(("x", "y"), (0.5, 0.25), 0.1, -2.0, 2.0, 40, 40, "", ("old", "same"))
    seen, too = (
        replace(SEEN, calibrator_sha256="new"),
        replace(SEEN_TOO, calibrator_sha256="same"),
    )
    assert combine("logistic", (seen, too), FusionHeads((head,)), 1.0).weights == (0.5, 0.5)
    seen = replace(seen, calibrator_sha256="old")
    assert combine("logistic", (seen, too), FusionHeads((head,)), 1.0).weights == (0.5, 0.25)


SOUND_HEAD = FusionHead(("s", "t"), (1.0, 0.5), -0.25, -3.0, 3.0, 40, 40)
SOUND_AND_PICTURE = JointBounds(("s", "t", "x"), -1.5, 2.5, 40, 80)


def of_both_senses(sound: float, picture: float) -> tuple[Evidence, ...]:
    """Two branches that listen and add up to ``sound`` behind their head, one that looks."""
    heard = [
        Evidence(name, MediaKind.AUDIO, llr, (-3.0, 3.0))
        for name, llr in (("s", sound + 0.25), ("t", 0.0))
    ]
    return (heard[0], Evidence("x", MediaKind.IMAGE, picture, (-3.0, 3.0)), heard[1])


@pytest.mark.parametrize(
    ("sound", "picture", "total", "counted"),
    [
        (-2.0, 0.5, 0.5, "the picture, the more suspect"),
        (1.5, -1.0, 1.5, "the sound, the more suspect"),
        (1.5, 0.5, 2.0, "count together"),
        (-2.0, -0.5, -0.5, "the picture, the more suspect"),
        (-0.5, -2.0, -0.5, "the sound, the more suspect"),
    ],
)
def test_a_genuine_voice_does_not_speak_for_the_face(
    sound: float, picture: float, total: float, counted: str
) -> None:
    evidence = of_both_senses(sound, picture)
    heads = FusionHeads((SOUND_HEAD,), "hash", (SOUND_AND_PICTURE,))
    result = combine("logistic", evidence, heads, 1.0)
    assert result.total(evidence) == pytest.approx(total)
    assert (result.lower, result.upper, result.sha256) == (-1.5, 2.5, "hash")
    assert counted in result.note


@given(sound=st.floats(-3, 3), picture=st.floats(-3, 3))
def test_the_best_supported_manipulation_counts(sound: float, picture: float) -> None:
    evidence = of_both_senses(sound, picture)
    heads = FusionHeads((SOUND_HEAD,), "", (SOUND_AND_PICTURE,))
    total = combine("logistic", evidence, heads, 1.0).total(evidence)
    expected = best_supported(np.array([sound]), np.array([picture]))[0]
    assert total == pytest.approx(expected, abs=1e-9)
    assert expected == max(sound, picture, sound + picture)


def test_bounds_of_both_senses_behind_another_calibrator_are_not_used() -> None:
    evidence = of_both_senses(1.0, 1.0)
    bounds = replace(SOUND_AND_PICTURE, calibrators=("", "", "another"))
    result = combine("logistic", evidence, FusionHeads((SOUND_HEAD,), "", (bounds,)), 1.0)
    assert (result.lower, result.upper) == (-3.0, 3.0)
    assert "No bounds are fitted" in result.note


def test_the_interval_lets_the_other_sense_take_over() -> None:
    rule = replace(RULE, strategy="logistic")
    heard, seen = branch("z", -0.2, MediaKind.AUDIO), branch("x", 0.4)
    heard = replace(heard, llr_interval=(-1.0, 1.0))
    decision = decide([heard, seen], rule, FusionHeads())
    assert decision.llr == pytest.approx(0.4)
    assert decision.log10_lr_interval == pytest.approx((-0.1 / LN10, 1.9 / LN10))


def test_unknown_strategy() -> None:
    with pytest.raises(ParameterError):
        combine("magic", (SEEN,), FusionHeads(), 1.0)


@given(
    llrs=st.lists(st.floats(-3, 3), min_size=1, max_size=6),
    strategy=st.sampled_from(STRATEGIES),
)
def test_contributions_add_to_the_total(llrs: list[float], strategy: str) -> None:
    kinds = [MediaKind.AUDIO, MediaKind.IMAGE]
    branches = [branch(f"b{i}", llr, kinds[i % 2]) for i, llr in enumerate(llrs)]
    decision = decide(branches, replace(RULE, strategy=strategy), FusionHeads())
    assert decision.llr is not None
    parts = decision.bias + sum(item.value for item in decision.contributions)
    assert abs(decision.llr - parts) < 1e-9
    for item in decision.contributions:
        assert abs(item.value - item.weight * item.llr) < 1e-9


@pytest.mark.parametrize(
    ("llr", "rule", "verdict"),
    [
        (2.0, RULE, Verdict.FAKE),
        (-2.0, RULE, Verdict.REAL),
        (0.5, RULE, Verdict.INCONCLUSIVE),
        (1.0, replace(RULE, abstain_below=0.8), Verdict.INCONCLUSIVE),
        (2.0, replace(RULE, prior=0.01), Verdict.INCONCLUSIVE),
        (2.0, replace(RULE, threshold=0.7), Verdict.FAKE),
    ],
)
def test_verdicts(llr: float, rule: DecisionRule, verdict: Verdict) -> None:
    decision = decide([branch("x", llr)], rule, FusionHeads())
    assert decision.verdict is verdict
    assert decision.reason


def test_probability_is_the_posterior_under_the_stated_prior() -> None:
    decision = decide([branch("x", 2.0)], replace(RULE, prior=0.2), FusionHeads())
    odds = math.exp(2.0) * 0.25
    assert decision.probability == pytest.approx(odds / (1 + odds))


def test_fused_ratio_is_bounded_and_says_so() -> None:
    head = FusionHead(("x", "y"), (2.0, 2.0), 0.0, -1.0, 1.0, 40, 40)
    rule = replace(RULE, strategy="logistic")
    decision = decide([branch("x", 2.0), branch("y", 2.0)], rule, FusionHeads((head,)))
    assert decision.llr == pytest.approx(8.0)
    assert decision.log10_lr == pytest.approx(1.0 / LN10)
    assert decision.bound_reached
    assert "bound" in decision.recommendation


def test_audio_temperature_softens_only_sound() -> None:
    branches = [branch("x", 2.0), branch("z", 2.0, MediaKind.AUDIO)]
    decision = decide(branches, replace(RULE, audio_temperature=2.0), FusionHeads())
    assert [item.llr for item in decision.contributions] == [2.0, 1.0]


def test_nothing_scored_is_inconclusive_with_the_reasons() -> None:
    decision = decide([branch("x", None)], RULE, FusionHeads())
    assert decision.verdict is Verdict.INCONCLUSIVE
    assert decision.probability is None
    assert "no face" in decision.reason


def test_a_reason_shared_by_detectors_is_said_once() -> None:
    silent = [
        replace(branch("x", None), reason="Only 0.0 s of speech. The face looks drawn."),
        replace(branch("y", None), reason="The face looks drawn."),
        replace(branch("metadata", None), status=BranchStatus.REPORTED, reason="No credentials."),
    ]
    assert decide(silent, RULE, FusionHeads()).reason == (
        "No detector could be applied. Only 0.0 s of speech. The face looks drawn."
    )


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (1.5, "do not support"),
        (2.1, "weak support"),
        (10, "weak support"),
        (11, "moderate support"),
        (101, "moderately strong support"),
        (1_001, "strong support"),
        (10_001, "very strong support"),
        (1_000_001, "extremely strong support"),
    ],
)
def test_verbal_scale(ratio: float, words: str) -> None:
    table = verbal_table()
    fake, real = table.phrase(math.log10(ratio)), table.phrase(-math.log10(ratio))
    assert words in fake
    assert words in real
    if ratio > 2:
        assert fake.index(table.propositions[0]) < fake.index(table.propositions[1])
        assert real.index(table.propositions[1]) < real.index(table.propositions[0])
