"""Fusion heads from score files: joined inside a modality, composed across."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ml.errors import CalibrationError
from ml.evaluation.scored import Scored, read_scores, write_scores
from ml.fusion.heads import FusionHeads
from ml.result import MediaKind
from ml.training.cli import main
from ml.training.engine import read_config
from ml.training.fusion import Table, compose, fit, read_table
from ml.weights.registry import PACKAGED, WeightRegistry
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


RECIPE = """
[calibrators.xception_video]
branch = "xception"
video = true
kind = "platt_new_sources"
scores = ["{folder}/x.csv"]

[calibrators.tiny_ladeda]
scores = ["{folder}/t.csv"]

[heads]
xception = ["{folder}/x.csv"]
tiny_ladeda = ["{folder}/t.csv"]
"""


def two_branches(folder: Path) -> list[str]:
    """Registers two branches whose calibrators are not fitted yet; ``--weights-dir``."""
    torch.manual_seed(0)
    for name in ("xception", "tiny_ladeda"):
        add_weight(folder, name, nn.Linear(1, 1), "{}")
    registry = (folder / "registry.toml").read_text()
    for name, file in (("xception", "xception_video"), ("tiny_ladeda", "tiny_ladeda")):
        table = f'[{name}]\nvideo_calibration = "calibration/{file}.toml"'
        registry = registry.replace(f"[{name}]", table)
    (folder / "registry.toml").write_text(registry)
    return ["--weights-dir", str(folder)]


def faces(folder: Path) -> Path:
    """``x.csv`` and ``t.csv``: 200 faces of four sources, scored by two branches."""
    for name, seed in (("x", 2), ("t", 3)):
        rows = read_scores(score_file(folder / f"{name}.csv", "face", 200, seed))
        sourced = [replace(row, source=f"s{place // 50}") for place, row in enumerate(rows)]
        write_scores(sourced, folder / f"{name}.csv")
    return folder


def test_a_recipe_fits_what_its_commands_fit_one_by_one(tmp_path: Path) -> None:
    folder = faces(tmp_path)
    recipe = tmp_path / "fusion.toml"
    recipe.write_text(RECIPE.format(folder=folder))
    whole, parted = (two_branches(tmp_path / name) for name in ("whole", "parted"))
    assert main(["fusion", "--config", str(recipe), *whole]) == 0
    x, t = f"{folder}/x.csv", f"{folder}/t.csv"
    video = ["--branch", "xception", "--video", "--kind", "platt_new_sources", "--scores", x]
    assert main(["calibration", *video, *parted]) == 0
    assert main(["calibration", "--branch", "tiny_ladeda", "--scores", t, *parted]) == 0
    assert main(["fusion", "--scores", f"xception={x}", f"tiny_ladeda={t}", *parted]) == 0
    made = {
        name: {path.name: path.read_text() for path in (tmp_path / name / "calibration").iterdir()}
        for name in ("whole", "parted")
    }
    assert set(made["whole"]) == {"xception_video.toml", "tiny_ladeda.toml", "fusion.toml"}
    assert made["whole"] == made["parted"]


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ("[calibrators.a]\nscores = []", "no table [heads]"),
        ("[calibrators.a]\nscorez = []\n[heads]", "unknown keys ['scorez']"),
        ('[calibrators.a]\nscores = []\nkind = "magic"\n[heads]', "unknown kind 'magic'"),
        ('[calibrators.a]\nscores = ["none.csv"]\n[heads]', "none.csv"),
    ],
)
def test_an_unusable_recipe_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], recipe: str, words: str
) -> None:
    weights = two_branches(tmp_path / "weights")
    (tmp_path / "fusion.toml").write_text(recipe)
    assert main(["fusion", "--config", str(tmp_path / "fusion.toml"), *weights]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "weights" / "calibration").exists()


def test_the_shipped_recipe_names_every_calibrator_of_the_registry() -> None:
    tables = read_config(PACKAGED.parent / "training" / "configs" / "fusion.toml")
    registry = WeightRegistry()
    entries = [registry.entry(name) for name in registry.names()]
    named = {file for entry in entries for file in (entry.calibration, entry.video_calibration)}
    assert {f"calibration/{name}.toml" for name in tables["calibrators"]} == named - {""}
    calibrated = {entry.name for entry in entries if entry.calibration_for(MediaKind.VIDEO)}
    assert set(tables["heads"]) == calibrated
