"""The audio report: each branch behind its calibrator, and their fusion behind its head."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.evaluation.audio import summarise
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


def test_fusion_adds_the_bounded_and_weighted_likelihood_ratios(registry: WeightRegistry) -> None:
    scored = {
        "aasist": {"test": rows([-2.0, 40.0, 2.0, 1.0])},
        "whisper": {"test": rows([-1.0, -2.0, 1.0, -0.5])},
    }
    report = summarise(scored, registry)["weights"]
    assert set(report) == {"aasist", "whisper", "aasist+whisper"}
    fused = report["aasist+whisper"]["sets"][0]
    # 0.5 * min(0.5 * s, 3) + s' + 0.25: -1.25, -0.25, 1.75, 0.0
    llrs = np.array([-1.25, -0.25, 1.75, 0.0])
    assert fused["fpr"] == 0.0
    assert fused["fnr"] == 0.5
    real, fake = np.log1p(np.exp(llrs[:2])), np.log1p(np.exp(-llrs[2:]))
    assert fused["cllr"] == pytest.approx((real.mean() + fake.mean()) / 2 / np.log(2))
    alone = report["aasist"]["sets"][0]
    assert alone["fpr"] == 0.5
    assert [(g["name"], g["n"], g["error"]) for g in alone["by_corpus"]] == [("VCTK", 2, 0.5)]
    assert [(g["name"], g["n"]) for g in alone["by_generator"]] == [("VITS", 2)]


def test_without_a_head_there_is_no_fused_figure(registry: WeightRegistry) -> None:
    (registry.folder / "calibration" / "fusion.toml").unlink()
    scored = {"aasist": {"test": rows([-2.0, 4.0, 2.0, 1.0])}}
    assert set(summarise(scored, registry)["weights"]) == {"aasist"}
