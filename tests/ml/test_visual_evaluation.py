"""Figures of scored recordings, their files, calibrators from them, and the model cards."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from ml.errors import CalibrationError
from ml.evaluation.cards import refresh, set_lines
from ml.evaluation.cli import main
from ml.evaluation.image import dev_pictures
from ml.evaluation.scored import Scored, figures, read_scores, write_scores
from ml.evaluation.store import ScoreStore
from ml.training import calibration
from ml.weights.registry import WeightRegistry
from tests.ml.drawn_face import draw_face

ENTRY = """
[gate]
file = "gate.safetensors"
sha256 = "abc"
architecture = "a"
label_polarity = "class1_fake"
dtype = "float16"
initialisation = "i"
training_data = "t"
licence = "to be read"
validated_domain = "near faces"
not_validated_for = "far faces"
measured = "evaluation/image.json"
video_measured = "evaluation/video.json"
preprocessing = { size = 192 }
"""


def _rows(n: int = 60, gap: float = 2.0) -> list[Scored]:
    rng = np.random.default_rng(0)
    return [
        Scored("dev", f"{k}.jpg", k % 2 == 1, "swap" if k % 2 else "photo", f"source {k % 3}",
               float(rng.normal(gap if k % 2 else 0.0)))
        for k in range(n)
    ]  # fmt: skip


def test_scores_survive_their_file(tmp_path: Path) -> None:
    write_scores(_rows(), tmp_path / "s.csv")
    back = read_scores(tmp_path / "s.csv")
    assert [(r.path, r.fake, r.method) for r in back] == [
        (r.path, r.fake, r.method) for r in _rows()
    ]
    assert np.allclose([r.logit for r in back], [r.logit for r in _rows()], atol=1e-6)
    assert read_scores(tmp_path / "none.csv") == []


def test_figures_count_each_class_and_each_group() -> None:
    table = figures("dev", _rows(), None)
    assert (table["n"], table["n_real"], table["n_fake"]) == (60, 30, 30)
    assert 0.8 < table["auc"] < 1.0
    assert table["auc_ci"][0] < table["auc"] < table["auc_ci"][1]
    assert [g["name"] for g in table["by_generator"]] == ["swap"]
    assert table["by_generator"][0]["error"] == table["fnr"]
    assert table["by_corpus"][0]["error"] == table["fpr"]
    assert "this set" in table["threshold"]


def test_a_calibrator_is_fitted_from_scores_and_used_as_threshold(tmp_path: Path) -> None:
    write_scores(_rows(400), tmp_path / "folds.csv")
    made = calibration.fit("gate", [tmp_path / "folds.csv"], tmp_path)
    assert (tmp_path / "gate.toml").exists()
    assert made.scale > 0
    assert made.lower < 0 < made.upper
    table = figures("dev", _rows(400), made)
    assert table["threshold"] == "ln LR > 0"
    assert table["cllr"] < 1


def test_too_few_scores_are_refused_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_scores(_rows(20), tmp_path / "folds.csv")
    with pytest.raises(CalibrationError, match="needs at least"):
        calibration.fit("gate", [tmp_path / "folds.csv"], tmp_path)


def test_the_card_takes_its_figures_from_the_evaluation(tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    (weights / "cards").mkdir(parents=True)
    (weights / "registry.toml").write_text(ENTRY, encoding="utf-8")
    card = weights / "cards" / "gate.md"
    card.write_text(
        "# gate\n<!-- figures: begin -->\nold\n<!-- figures: end -->\nrest", encoding="utf-8"
    )
    assert refresh(WeightRegistry(weights), tmp_path) == ["gate"]
    text = card.read_text("utf-8")
    assert "Not measured yet" in text
    for said in ("licence: to be read", "validated domain: near faces", "for: far faces"):
        assert said in text
    (tmp_path / "evaluation").mkdir()
    report = {
        "command": "the command",
        "interval": "95 %",
        "weights": {
            "gate": {
                "sha256": "abc",
                "sets": [figures(name, _rows(), None) for name in ("dev", "leave-source-out, x")],
            }
        },
    }
    clips = {"gate": {"sha256": "abc", "sets": [figures("clips", _rows(), None)]}}
    video = report | {"command": "another command", "weights": clips}
    (tmp_path / "evaluation" / "video.json").write_text(json.dumps(video), encoding="utf-8")
    (tmp_path / "evaluation" / "image.json").write_text(json.dumps(report), encoding="utf-8")
    refresh(WeightRegistry(weights), tmp_path)
    text = card.read_text("utf-8")
    dev, left_out, of_clips = text.split("### ")[1:]
    assert dev.startswith("dev (30 real, 30 fake)")
    assert "| swap | 30 |" in dev
    assert left_out.startswith("leave-source-out, x")
    assert ["the trainings left" in part for part in (dev, left_out, of_clips)] == [0, 1, 0]
    assert "Measured by `another command`" in left_out
    assert of_clips.startswith("clips (30 real, 30 fake)")
    assert "| swap | 30 |" in of_clips
    assert "another version" not in text
    assert text.startswith("# gate\n")
    assert text.endswith("rest")
    report["weights"]["gate"]["sha256"] = "other"  # type: ignore[index]
    (tmp_path / "evaluation" / "image.json").write_text(json.dumps(report), encoding="utf-8")
    refresh(WeightRegistry(weights), tmp_path)
    assert "another version" in card.read_text("utf-8")


def test_a_card_tells_of_lags_in_words_and_percentages() -> None:
    figures = {
        "name": "unseen sources", "clips": 9, "n": 81, "within_one_frame": 71 / 81,
        "ci": [0.78744, 0.93153], "moved": 72, "shift_recovered": 1.0,
        "shift_recovered_ci": [0.94934, 1.0],
    }  # fmt: skip
    heading, _, words = set_lines(figures)
    assert heading == "### unseen sources (9 clips)"
    assert "87.7 % of 81 trials (95 % interval 78.7 to 93.2 %)" in words
    assert "100.0 % of 72 (94.9 to 100.0 %)" in words
    none = figures | {"within_one_frame": None, "shift_recovered": None}
    assert set_lines(none)[-1] == "Not measured: no trials."


def test_the_command_names_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = ["--cache", str(tmp_path / "scores.sqlite")]
    assert main(["image", "--data", str(tmp_path), "--out", str(tmp_path), *cache]) == 2
    assert "manifest.csv" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["image"])
    assert "needs --data" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["image", "--data", str(tmp_path), "--limit", "3"])
    assert "name another folder" in capsys.readouterr().err


def test_swaps_of_a_source_never_trained_on_are_a_set_of_their_own(tmp_path: Path) -> None:
    rows = [("train", "known", "real"), *[("dev", "known", "real")] * 2, ("dev", "known", "fake")]
    rows += [("dev", "new", "real")] * 2
    with (tmp_path / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "split", "label", "method", "source_repo"])
        for number, (split, source, label) in enumerate(rows):
            face = draw_face(scale=0.9 + 0.03 * number)
            cv2.imwrite(str(tmp_path / f"{number}.png"), face[..., ::-1])
            writer.writerow([f"{number}.png", split, label, "photo", source])

    found = [row for row, _, _ in dev_pictures(tmp_path, ScoreStore(), 0)]

    sets = {(r.part, r.source, r.fake): r.method for r in found}
    assert sets == {
        ("dev", "known", False): "photo",
        ("dev", "known", True): "photo",
        ("dev", "new", False): "photo",
        ("blending", "known", False): "photo",
        ("blending", "known", True): "poisson-swap",
        ("blending, new source", "new", False): "photo",
        ("blending, new source", "new", True): "poisson-swap",
    }
    assert len(found) == 5 + 4 + 4
