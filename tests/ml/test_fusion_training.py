"""Fusion heads from score files: joined inside a modality, composed across."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ml.errors import CalibrationError
from ml.evaluation.scored import Scored, write_scores
from ml.fusion.heads import FusionHeads
from ml.training.cli import main
from ml.training.fusion import Table, compose, fit, read_table
from tests.ml.small_registry import add_weight, calibrator


def score_file(path: Path, kind: str, count: int, seed: int) -> Path:
    generator = np.random.default_rng(seed)
    rows = [
        Scored(
            part="dev",
            path=f"{kind}-{i}",
            fake=i % 2 == 1,
            method="m",
            source="s",
            logit=float(generator.normal() + 2.0 * (i % 2) - 1.0),
        )
        for i in range(count)
    ]
    write_scores(rows, path)
    return path


def test_sets_of_both_senses(tmp_path: Path) -> None:
    files = {
        "aasist": [score_file(tmp_path / "a.csv", "sound", 400, 1)],
        "xception": [score_file(tmp_path / "x.csv", "face", 400, 2)],
        "tiny_ladeda": [score_file(tmp_path / "t.csv", "face", 400, 3)],
    }
    out = tmp_path / "fusion.toml"
    fitted = fit(files, {name: calibrator() for name in files}, out)
    sets = {frozenset(head.branches) for head in fitted.heads}
    assert sets == {frozenset(("tiny_ladeda", "xception"))}
    together = {frozenset(bounds.branches) for bounds in fitted.joint}
    assert together == {
        frozenset(("aasist", "xception")),
        frozenset(("aasist", "tiny_ladeda")),
        frozenset(("aasist", "tiny_ladeda", "xception")),
    }
    read = FusionHeads.load(out)
    assert (read.heads, read.joint) == (fitted.heads, fitted.joint)
    assert all(item.upper > 0 > item.lower for item in (*fitted.heads, *fitted.joint))
    assert all(len(item.calibrators) == len(item.branches) for item in fitted.joint)


def test_a_forgery_may_carry_the_path_of_what_it_was_made_from(tmp_path: Path) -> None:
    rows = [
        Scored(part, "clip", fake, "m", "s", logit)
        for part, fake, logit in (("a", False, -1.0), ("b", False, 0.0), ("b", True, 1.0))
    ]
    write_scores(rows, tmp_path / "x.csv")
    table = read_table({"xception": [tmp_path / "x.csv"]}, {"xception": calibrator()})
    assert table.is_fake.tolist() == [False, True]
    expected = calibrator().llrs(np.array([-0.5, 1.0]))
    assert table.llrs["xception"].tolist() == pytest.approx(expected.tolist())


def test_composed_recordings_use_every_part_once_and_one_fake_part_is_enough() -> None:
    labels = np.arange(80) % 2 == 1
    audio = Table({"a": np.arange(80.0)}, labels)
    visual = Table({"v": np.arange(80.0)}, labels)
    table = compose(audio, visual)
    for name in ("a", "v"):
        assert len(set(table.llrs[name])) == len(table.llrs[name])
    heard_fake, seen_fake = table.llrs["a"] % 2 == 1, table.llrs["v"] % 2 == 1
    assert (table.is_fake == (heard_fake | seen_fake)).all()
    assert ((heard_fake & ~seen_fake).any(), (~heard_fake & seen_fake).any()) == (True, True)
    assert (~table.is_fake).sum() == (heard_fake & seen_fake).sum() == 26
    assert (heard_fake & ~seen_fake).sum() == (~heard_fake & seen_fake).sum() == 13


def test_too_few_recordings(tmp_path: Path) -> None:
    files = {
        "xception": [score_file(tmp_path / "x.csv", "face", 20, 2)],
        "tiny_ladeda": [score_file(tmp_path / "t.csv", "face", 20, 3)],
    }
    with pytest.raises(CalibrationError):
        fit(files, {name: calibrator() for name in files}, tmp_path / "f.toml")
    assert not (tmp_path / "f.toml").exists()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    for name in ("xception", "tiny_ladeda"):
        add_weight(tmp_path, name, nn.Linear(1, 1), "{}")
        calibrator().save(tmp_path / "calibration" / f"{name}.toml")
    registry = (tmp_path / "registry.toml").read_text()
    scores = [
        f"xception={score_file(tmp_path / 'x.csv', 'face', 200, 2)}",
        f"tiny_ladeda={score_file(tmp_path / 't.csv', 'face', 200, 3)}",
    ]
    assert main(["fusion", "--scores", "aasist", "--weights-dir", str(tmp_path)]) == 2
    assert main(["fusion", "--scores", *scores, "--weights-dir", str(tmp_path)]) == 2
    assert "has no calibrator yet" in capsys.readouterr().err
    for name in ("xception", "tiny_ladeda"):
        table = f'[{name}]\nvideo_calibration = "calibration/{name}.toml"'
        registry = registry.replace(f"[{name}]", table)
    (tmp_path / "registry.toml").write_text(registry)
    assert main(["fusion", "--scores", *scores, "--weights-dir", str(tmp_path)]) == 0
    assert "heads 1" in capsys.readouterr().out
    assert len(FusionHeads.load(tmp_path / "calibration" / "fusion.toml").heads) == 1
