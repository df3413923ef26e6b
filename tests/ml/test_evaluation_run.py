"""One command from stored scores to report, table, page and pictures, and the cache of scores."""

from __future__ import annotations

import csv
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

from ml.evaluation import run, summary
from ml.evaluation.cli import main
from ml.evaluation.scored import Scored, answered, read_scores, table, write_scores
from ml.evaluation.store import ScoreStore
from ml.evaluation.sync import TRIALS, Trial, evaluate, read_trials, write_trials
from ml.fusion.calibration import Calibrator, CalibratorKind
from ml.fusion.heads import FusionHead, FusionHeads
from ml.weights.registry import WeightRegistry

ENTRY = """
[{name}]
file = "{name}.safetensors"
sha256 = "{name} hash"
architecture = "test"
label_polarity = "class1_fake"
dtype = "float32"
initialisation = "random"
training_data = "none"
licence = "none"
validated_domain = "tests"
not_validated_for = "anything"
calibration = "{calibration}"
"""


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Two calibrated audio branches with a head, an uncalibrated gate, a video network, sync."""
    folder = tmp_path / "weights"
    (folder / "calibration").mkdir(parents=True)
    for name in ("aasist", "whisper"):
        calibrator = Calibrator(CalibratorKind.PLATT, -3.0, 3.0, 50, 50, offset=-1.0)
        calibrator.save(folder / "calibration" / f"{name}.toml")
    head = FusionHead(("aasist", "whisper"), (0.6, 0.6), 0.0, -4.0, 4.0, 50, 50)
    FusionHeads((head,)).save(folder / "calibration" / "fusion.toml")
    fitted = {"aasist": "calibration/aasist.toml", "whisper": "calibration/whisper.toml"}
    (folder / "registry.toml").write_text(
        "".join(
            ENTRY.format(name=name, calibration=fitted.get(name, ""))
            for name in ("aasist", "whisper", "tiny_ladeda", "resnext_lstm", "av_sync")
        )
    )
    return folder


def rows(part: str, seed: int, n: int = 240) -> list[Scored]:
    """Scores of eight sources, fakes two higher on average."""
    rng = np.random.default_rng(seed)
    return [
        Scored(part, f"{part} {k}", k % 2 == 1, f"{'gen' if k % 2 else 'corpus'} {k % 6}",
               f"source {k % 8}", float(rng.normal(2.0 if k % 2 else 0.0)))
        for k in range(n)
    ]  # fmt: skip


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder with the scores of an earlier run."""
    folder = tmp_path / "evaluation"
    folder.mkdir()
    for seed, name in enumerate(("aasist", "whisper")):
        write_scores(rows("test", seed), folder / f"{name}_scores.csv")
        write_scores(rows("leave-source-out", seed + 2), folder / f"{name}_folds.csv")
    write_scores(rows("dev", 5), folder / "image_scores_tiny_ladeda.csv")
    write_scores(rows("leave-source-out", 6, 60), folder / "video_folds.csv")
    trials = [Trial("unseen sources", "a.mp4", "s", shift, shift + shift % 3) for shift in range(9)]
    write_trials(trials, folder / TRIALS)
    old = {"weights": {"aasist": {"sha256": "older hash", "sets": []}}}
    (folder / "audio.json").write_text(json.dumps(old))
    return folder


def test_a_recording_out_of_step_keeps_its_own_lag(tmp_path: Path) -> None:
    late = [Trial("unseen sources", "a.mp4", "s", shift, shift + 6) for shift in (-3, 0, 4)]
    write_trials(late, tmp_path / TRIALS)
    (tmp_path / "sync.json").write_text('{"weights": {}}')
    report = evaluate(None, tmp_path, WeightRegistry(), ScoreStore(tmp_path / "s.sqlite"), 0)
    found = report["weights"]["av_sync"]["sets"][0]
    assert (found["within_one_frame"], found["shift_recovered"]) == (0, 1)


def test_everything_is_made_again_from_stored_scores(
    weights: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = str(tmp_path / "scores.sqlite")
    command = ["all", "--from-scores", "--out", str(out), "--weights-dir", str(weights)]
    assert main([*command, "--cache", cache]) == 0
    assert "aasist+whisper · test" in capsys.readouterr().out

    audio = json.loads((out / "audio.json").read_text())["weights"]
    assert list(audio) == ["aasist", "whisper", "aasist+whisper"]
    assert audio["aasist"]["sha256"] == "older hash"
    assert audio["whisper"]["sha256"] == "whisper hash"
    best = audio["aasist+whisper"]["sets"][0]
    assert best["abstention"]["risk_at_80"] < best["abstention"]["risk_at_100"]
    assert sum(best["confusion"].values()) == best["n"]
    assert [s["threshold"] for s in audio["aasist"]["sets"]] == [
        "ln LR > 0",
        "ln LR > 0, calibrated without the source",
    ]
    sync = json.loads((out / "sync.json").read_text())["weights"]["av_sync"]["sets"][0]
    assert (sync["n"], sync["clips"], sync["within_one_frame"]) == (9, 1, pytest.approx(6 / 9))
    assert (sync["moved"], sync["shift_recovered"]) == (8, pytest.approx(5 / 8))

    table = list(csv.DictReader((out / "table.csv").open()))
    row = next(r for r in table if r["detector"] == "aasist+whisper" and r["set"] == "test")
    assert float(row["eer"]) == pytest.approx(best["eer"], abs=1e-6)
    assert float(row["risk_kept"]) < 1
    assert float(row["min_dcf"]) <= float(row["act_dcf"])
    page = (out / "README.md").read_text()
    assert f"{best['eer']:.1%}" in page
    goals = json.loads((out / "table.json").read_text())["goals"]
    reached = {(g["report"], g["set"], g["figure"]): g for g in goals}
    assert reached["audio", "test", "eer"]["value"] == best["eer"]
    assert reached["audio", "test", "eer"]["reached"] is (best["eer"] <= 0.2)
    assert reached["image", "blending, new source", "auc"]["reached"] is None
    assert reached["sync", "unseen sources", "within_one_frame"]["reached"] is False
    assert reached["sync", "unseen sources", "within_one_frame"]["n"] == 9
    assert reached["sync", "unseen sources", "shift_recovered"]["n"] == 8

    pictures = re.findall(r"\((figures/[^)]+)\)", page)
    assert "figures/audio-test.svg" in pictures
    for name in pictures:
        picture = out / name
        assert picture.stat().st_size < 60_000, name
        words = " ".join(e.text or "" for e in ET.parse(picture).iter() if e.tag.endswith("text"))
        assert "corpus 0" in words if "groups" in name else "Tippett" in words
        assert re.search(r"\b0\.25\b", words) is None or "0.2 " not in words

    before = {path.name: path.read_bytes() for path in sorted((out / "figures").iterdir())}
    assert main([*command, "--cache", cache]) == 0
    assert before == {path.name: path.read_bytes() for path in sorted((out / "figures").iterdir())}


def test_scores_of_trainings_are_taken_in(weights: Path, out: Path, tmp_path: Path) -> None:
    left = [row for row in rows("leave-source-out", 8, 80) if not row.fake]
    fakes = [row for row in rows("leave-source-out", 8, 80) if row.fake]
    write_scores([*left[:20], *fakes], tmp_path / "fold0.csv")
    later = [Scored(r.part, r.path, r.fake, r.method, r.source, r.logit + 1.0) for r in fakes]
    write_scores([*left[20:], *later], tmp_path / "fold1.csv")
    run.take_folds("audio", {"whisper": [tmp_path / "fold0.csv", tmp_path / "fold1.csv"]}, out)
    found = {row.path: row for row in read_scores(out / "whisper_folds.csv")}
    assert len(found) == 80
    assert found[fakes[0].path].logit == pytest.approx(fakes[0].logit + 0.5, abs=1e-5)
    parts = {row.part for row in run.stored("audio", ["whisper"], out)["whisper"]}
    assert parts == {"test", "leave-source-out"}
    with pytest.raises(FileNotFoundError, match="nowhere"):
        run.take_folds("audio", {"whisper": [tmp_path / "nowhere.csv"]}, out)


def test_pictures_left_out_are_reported_by_kind_too() -> None:
    made = [
        Scored("leave-source-out", str(k), bool(method), method or "photo", "s", float(k))
        for k, method in enumerate(
            ("", "", "stylegan2", "swap", "self-blend", "photoshop-composite")
        )
    ]
    parts: dict[str, list[str]] = {}
    for row in run.by_kind(made):
        parts.setdefault(row.part, []).append(row.method)
    assert parts == {
        "leave-source-out, whole-face synthesis": ["photo", "photo", "stylegan2"],
        "leave-source-out, own blending": ["photo", "photo", "swap", "self-blend"],
        "leave-source-out, composites": ["photo", "photo", "photoshop-composite"],
    }
    assert run.by_kind(made[:3]) == []


def test_forgeries_are_judged_against_the_photographs_of_their_own_source_too() -> None:
    """A source that lies higher as a whole spoils one threshold, not the comparison inside it."""
    made = [
        Scored("s", f"{source} {k}", k % 2 == 1, "m", source, float(k % 2) + height)
        for source, height in (("low", 0.0), ("high", 5.0))
        for k in range(60)
    ]
    made += [Scored("s", f"real {k}", False, "photo", "real alone", 1.0) for k in range(30)]
    made += [Scored("s", f"fake {k}", True, "m", "fake alone", 0.0) for k in range(30)]
    made += [Scored("s", f"few {k}", k == 0, "m", "few", 0.0) for k in range(5)]
    figures = table(answered("s", made, None))
    inside = figures["auc_within"]
    found = {item["source"]: (item["n_real"], item["auc"]) for item in inside["sources"]}
    assert found == {"low": (30, 1.0), "high": (30, 1.0), "sources of one class": (30, 0.0)}
    assert (inside["mean"], inside["least"]) == (pytest.approx(2 / 3), 0.0)
    assert figures["auc"] < 0.7


def test_known_scores_are_not_computed_again(tmp_path: Path) -> None:
    asked: list[int] = []

    def compute(places: Sequence[int]) -> Iterable[float]:
        for place in places:
            if place == 60:
                raise KeyboardInterrupt
            asked.append(place)
            yield place / 2

    items = [f"digest {k}" for k in range(60)]
    path = tmp_path / "folder" / "scores.sqlite"
    with pytest.raises(KeyboardInterrupt):
        ScoreStore(path).values("recipe", [*items, "stop"], compute, "scores")
    assert asked == list(range(60))
    asked.clear()
    again = ScoreStore(path).values("recipe", items, compute, "scores")
    assert again == [k / 2 for k in range(60)]
    assert asked == list(range(32, 60))
    asked.clear()
    ScoreStore(path).values("another recipe", items[:1], compute, "scores")
    assert asked == [0]
    asked.clear()
    ScoreStore(path, fresh=True).values("recipe", items[:2], compute, "scores")
    assert asked == [0, 1]


def test_trials_survive_their_file(tmp_path: Path) -> None:
    trials = [Trial("unseen sources", "a, b.mp4", "s", -3, 4)]
    write_trials(trials, tmp_path / "t.csv")
    assert read_trials(tmp_path / "t.csv") == trials


def test_every_goal_names_a_figure_of_the_table() -> None:
    goals = summary.judged_goals([])
    named = {goal["figure"] for goal in goals} | {goal.get("count", "n") for goal in goals}
    assert named <= set(summary.COLUMNS)
    assert all(("most" in goal) != ("least" in goal) for goal in goals)


def test_a_goal_that_names_a_detector_is_judged_by_it() -> None:
    row = {"report": "video", "set": "leave-source-out", "n": 71}
    rows = [{**row, "detector": "resnext_lstm", "auc": 0.6}]
    named = [g["detector"] for g in summary.judged_goals(rows) if g["set"] == row["set"]]
    assert {"resnext_lstm", "temporal_bilstm"} <= set(named)
    rows.append({**row, "detector": "temporal_bilstm", "auc": 0.9})
    judged = {
        goal["detector"]: (goal["value"], goal["reached"])
        for goal in summary.judged_goals(rows)
        if (goal["report"], goal["set"]) == ("video", row["set"])
    }
    assert judged == {"resnext_lstm": (0.6, False), "temporal_bilstm": (0.9, True)}
