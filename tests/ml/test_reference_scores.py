"""The check of the metrics tells right from wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.evaluation import reference_scores
from ml.evaluation.cli import main


def write_scores(folder: Path) -> Path:
    generator = np.random.default_rng(0)
    (folder / "scores").mkdir()
    lines = ["asv_score,cm_score,sasv_label"]
    lines += [f"0.5,{generator.normal() + 2 * (i % 2)},{i % 2}.0" for i in range(400)]
    (folder / reference_scores.FILE).write_text("\n".join(lines) + "\n")
    return folder


def test_other_scores_are_reported_as_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scores", "--data", str(write_scores(tmp_path))]) == 1
    assert "WRONG" in capsys.readouterr().out


def test_known_answers_are_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_scores(tmp_path)
    known = {name: found for name, (found, _, _) in reference_scores.check(data).items()}
    monkeypatch.setattr(reference_scores, "EXPECTED", known)
    assert main(["scores", "--data", str(data)]) == 0
    assert known["platt_scale"] == pytest.approx(2.0, abs=0.4)


def test_no_data(tmp_path: Path) -> None:
    assert main(["scores", "--data", str(tmp_path)]) == 2
