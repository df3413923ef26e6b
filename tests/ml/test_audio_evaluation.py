"""A report: each branch behind its calibrator, and their fusion behind its head."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.evaluation import held_out
from ml.evaluation.reports import detectors, read_report, shared, write_report
from ml.evaluation.scored import Scored
from ml.fusion.calibration import Calibrator, CalibratorKind
from ml.fusion.heads import FusionHead, FusionHeads
from ml.weights.registry import WeightRegistry

ENTRY = """
[{name}]
file = "{name}.safetensors"
sha256 = "00"
architecture = "test"
label_polarity = "class1_fake"
dtype = "float32"
initialisation = "random"
training_data = "none"
licence = "none"
validated_domain = "tests"
not_validated_for = "anything"
calibration = "calibration/{name}.toml"
"""


@pytest.fixture
def registry(tmp_path: Path) -> WeightRegistry:
    (tmp_path / "calibration").mkdir()
    for name, scale in (("aasist", 0.5), ("whisper", 1.0)):
        calibrator = Calibrator(CalibratorKind.PLATT, -3.0, 3.0, 50, 50, scale=scale)
        calibrator.save(tmp_path / "calibration" / f"{name}.toml")
    head = FusionHead(("aasist", "whisper"), (0.5, 1.0), 0.25, -9.0, 9.0, 50, 50)
    FusionHeads((head,)).save(tmp_path / "calibration" / "fusion.toml")
    text = "".join(ENTRY.format(name=name) for name in ("aasist", "whisper"))
    (tmp_path / "registry.toml").write_text(text)
    return WeightRegistry(tmp_path)


def rows(logits: list[float]) -> list[Scored]:
    """Two real clips of one corpus, then two fakes of one generator."""
    return [
        Scored("test", f"{n}.flac", n >= 2, "VITS" if n >= 2 else "VCTK", "site", logit)
        for n, logit in enumerate(logits)
    ]


def test_fusion_adds_the_bounded_and_weighted_likelihood_ratios(
    registry: WeightRegistry, tmp_path: Path
) -> None:
    scored = {
        "aasist": rows([-2.0, 40.0, 2.0, 1.0]),
        "whisper": rows([-1.0, -2.0, 1.0, -0.5]),
    }
    found = detectors(scored, registry, {"aasist": "00", "whisper": "11"})
    write_report("audio", found, tmp_path)
    report = read_report(tmp_path / "audio.json")["weights"]
    assert report["whisper"]["sha256"] == "11"
    assert "sha256" not in report["aasist+whisper"]
    assert set(report) == {"aasist", "whisper", "aasist+whisper"}
    fused = report["aasist+whisper"]["sets"][0]
    # 0.5 * min(0.5 * s, 3) + s' + 0.25: -1.25, -0.25, 1.75, 0.0
    llrs = np.array([-1.25, -0.25, 1.75, 0.0])
    assert fused["fpr"] == 0.0
    assert fused["fnr"] == 0.5
    # A ratio between 1/2 and 2 is no verdict.
    assert fused["verdicts"] == {
        "real": {"REAL": 0.5, "FAKE": 0.0, "INCONCLUSIVE": 0.5},
        "fake": {"REAL": 0.0, "FAKE": 0.5, "INCONCLUSIVE": 0.5},
    }
    real, fake = np.log1p(np.exp(llrs[:2])), np.log1p(np.exp(-llrs[2:]))
    assert fused["cllr"] == pytest.approx((real.mean() + fake.mean()) / 2 / np.log(2))
    alone = report["aasist"]["sets"][0]
    assert alone["fpr"] == 0.5
    assert [(g["name"], g["n"], g["error"]) for g in alone["by_corpus"]] == [("VCTK", 2, 0.5)]
    assert [(g["name"], g["n"]) for g in alone["by_generator"]] == [("VITS", 2)]


def test_without_a_head_there_is_no_fused_figure(registry: WeightRegistry) -> None:
    (registry.folder / "calibration" / "fusion.toml").unlink()
    scored = {"aasist": rows([-2.0, 4.0, 2.0, 1.0]), "whisper": rows([-1.0, -2.0, 1.0, -0.5])}
    found = detectors(scored, registry, dict.fromkeys(scored, "00"))
    assert [detector.name for detector in found] == ["aasist", "whisper"]


def test_a_branch_that_the_standard_profile_does_not_run_is_judged_by_itself(
    registry: WeightRegistry,
) -> None:
    with (registry.folder / "registry.toml").open("a") as file:
        file.write(ENTRY.format(name="cqcc_cnn"))
    calibrator = Calibrator(CalibratorKind.PLATT, -3.0, 3.0, 50, 50)
    calibrator.save(registry.folder / "calibration" / "cqcc_cnn.toml")
    scored = {name: rows([-2.0, 4.0, 2.0, 1.0]) for name in ("aasist", "whisper", "cqcc_cnn")}
    found = detectors(scored, WeightRegistry(registry.folder), dict.fromkeys(scored, "00"))
    assert [detector.name for detector in found] == [*scored, "aasist+whisper"]


def test_a_fusion_takes_only_what_every_branch_scored() -> None:
    found = shared({"a": rows([0.0, 1.0, 2.0, 3.0]), "b": rows([4.0, 5.0, 6.0, 7.0])[2:]})
    assert [row.logit for row in found["a"]] == [2.0, 3.0]
    assert [row.logit for row in found["b"]] == [6.0, 7.0]


def sources(name: str) -> list[Scored]:
    """Ten sources of thirty clips; the scores of one source lie where no other's lie."""
    rng = np.random.default_rng(3)
    made = []
    for source in range(10):
        shift = 40.0 if source == 7 else 0.0
        for n in range(30):
            logit = float(rng.normal(shift + 2.0 * (n % 2)))
            made.append(
                Scored(
                    "leave-source-out", f"{name} {source} {n}", n % 2 == 1, "m", str(source), logit
                )
            )
    return made


def test_ratios_of_a_source_come_from_a_calibration_without_it(registry: WeightRegistry) -> None:
    found = detectors({"aasist": sources("a")}, registry, {"aasist": "00"})
    (item,) = found[0].sets
    assert item.threshold == held_out.WITHOUT_SOURCE
    assert item.llrs is not None
    odd = np.array([row.source == "7" for row in item.rows])
    assert item.called[odd].all()
    assert np.ptp(item.llrs[odd]) == 0
    assert len({float(np.ptp(item.llrs[~odd]))}) == 1
    both = {"aasist": sources("a"), "whisper": sources("a")}
    unseen = held_out.unseen_llrs(both, both, dict.fromkeys(both, CalibratorKind.PLATT))
    assert unseen is not None
    assert (unseen[1][odd] == unseen[1].max()).all()


def test_too_few_other_sources_leave_the_shipped_calibrator_and_the_rule_says_so(
    registry: WeightRegistry,
) -> None:
    few = [replace(row, part="leave-source-out") for row in rows([-2.0, 40.0, 2.0, 1.0])]
    found = detectors({"aasist": few, "whisper": few}, registry, {"aasist": "", "whisper": ""})
    assert [detector.name for detector in found] == ["aasist", "whisper", "aasist+whisper"]
    assert {detector.sets[0].threshold for detector in found} == {held_out.ON_THIS_SET}


def test_a_kind_of_forgery_takes_its_ratios_from_the_whole_set(registry: WeightRegistry) -> None:
    """Even one whose forgeries are all of one source, without which none of them is left."""
    whole = sources("a")
    kind = [
        replace(row, part="leave-source-out, kind")
        for row in whole
        if not row.fake or row.source == "5"
    ]
    both = {"aasist": [*whole, *kind], "whisper": [*whole, *kind]}
    for detector in detectors(both, registry, {"aasist": "", "whisper": ""}):
        of_whole, of_kind = detector.sets
        assert of_whole.llrs is not None
        assert of_kind.llrs is not None
        llrs = dict(zip((row.path for row in of_whole.rows), of_whole.llrs, strict=True))
        assert of_kind.llrs.tolist() == pytest.approx([llrs[row.path] for row in kind])
        assert of_kind.threshold == of_whole.threshold == held_out.WITHOUT_SOURCE


def test_sources_fill_five_folds_about_equally() -> None:
    fold = held_out.folds("bacbdefb")
    assert fold == {"b": 0, "a": 1, "c": 2, "d": 3, "e": 4, "f": 1}
