"""Videos judged whole: forged clips beside their originals, calibration by clips, the finding."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from ml.evaluation import finding, held_out, video
from ml.evaluation.forged_clips import forged_clips
from ml.evaluation.reports import Detector, calibrator_of, detectors
from ml.evaluation.run import evaluate
from ml.evaluation.scored import Measured, Scored, once, write_scores
from ml.evaluation.store import ScoreStore
from ml.fusion.calibration import Calibrator, CalibratorKind
from ml.fusion.heads import FusionHeads, JointBounds
from ml.weights.registry import WeightRegistry
from tests.ml.drawn_face import draw_face
from tests.ml.test_evaluation_run import ENTRY
from tests.ml.test_prepare import video_of


def clip(folder: Path, name: str, person: str, scale: float, tint: int) -> dict[str, str]:
    """A drawn face that sways, 30 frames, and its row of a manifest."""
    pictures = [
        np.clip(draw_face(256, scale=scale, turn=0.02 * (k % 5)) + np.int16(tint), 0, 255)
        for k in range(30)
    ]
    video_of(folder / name, [picture.astype(np.uint8) for picture in pictures])
    return {
        "path": name,
        "fps": "25",
        "label": "real",
        "identity": person,
        "method": "drawn",
        "source_repo": "drawings",
    }


def frames_of(path: Path) -> np.ndarray:
    reader = cv2.VideoCapture(str(path))
    frames = []
    while (read := reader.read())[0]:
        frames.append(read[1].astype(np.int16))
    return np.stack(frames)


def test_a_clip_and_its_forgery_differ_in_the_face_alone(tmp_path: Path) -> None:
    rows = [
        clip(tmp_path, "a.mkv", "one", 0.95, 0),
        clip(tmp_path, "b.mkv", "two", 1.0, -40),
    ]
    (tmp_path / "out").mkdir()
    made = list(forged_clips(rows, tmp_path, tmp_path / "out", "clips, face exchanged"))
    assert [(row.path, row.fake, row.method) for row, _ in made] == [
        ("a.mkv", False, "drawn"),
        ("a.mkv", True, "poisson-swap"),
        ("b.mkv", False, "drawn"),
        ("b.mkv", True, "poisson-swap"),
    ]
    real, forged = frames_of(made[0][1]), frames_of(made[1][1])
    assert real.shape == forged.shape
    assert 8 <= len(real) <= 24
    changed = np.abs(real - forged).mean(axis=(0, 3))
    assert changed[100:160, 100:160].mean() > 4 * changed[:30].mean()

    before = made[1][1].read_bytes()
    list(forged_clips(rows, tmp_path, tmp_path / "out", "clips, face exchanged"))
    assert made[1][1].read_bytes() == before


def test_nobody_is_exchanged_with_himself(tmp_path: Path) -> None:
    rows = [clip(tmp_path, name, "one", 1.0, 0) for name in ("a.mkv", "b.mkv")]
    assert list(forged_clips(rows, tmp_path, tmp_path, "clips")) == []


@pytest.fixture
def registry(tmp_path: Path) -> WeightRegistry:
    """A branch that looks, with a calibrator for photographs and one for videos, and one that
    listens."""
    folder = tmp_path / "weights"
    (folder / "calibration").mkdir(parents=True)
    for name, offset in (("xception", 5.0), ("xception_video", -1.0), ("aasist", 0.0)):
        made = Calibrator(CalibratorKind.PLATT, -3.0, 3.0, 50, 50, offset=offset)
        made.save(folder / "calibration" / f"{name}.toml")
    bounds = JointBounds(("aasist", "xception"), -1.5, 1.5, 50, 50)
    FusionHeads(joint=(bounds,)).save(folder / "calibration" / "fusion.toml")
    text = ENTRY.format(name="aasist", calibration="calibration/aasist.toml")
    text += ENTRY.format(name="xception", calibration="calibration/xception.toml")
    text += 'video_calibration = "calibration/xception_video.toml"\n'
    (folder / "registry.toml").write_text(text)
    return WeightRegistry(folder)


def scored(part: str, logits: dict[str, float]) -> list[Scored]:
    return [Scored(part, path, path[0] == "f", "m", "s", value) for path, value in logits.items()]


def test_videos_have_a_calibrator_of_their_own(registry: WeightRegistry) -> None:
    offsets = {
        part: found.offset
        for part in ("dev", "clips", "clips, face exchanged")
        if (found := calibrator_of("xception", registry, part))
    }
    assert offsets == {"dev": 5.0, "clips": -1.0, "clips, face exchanged": -1.0}
    sound = calibrator_of("aasist", registry, "clips")
    assert sound is not None
    assert sound.offset == 0.0


def test_clips_of_all_sets_are_calibrated_together_and_without_their_source(
    registry: WeightRegistry,
) -> None:
    rng = np.random.default_rng(0)
    rows = [
        Scored(part, str(k), k % 2 == 1, "m", f"source {k % 7}", float(rng.normal() + 2 * (k % 2)))
        for part, count in (("clips", 20), ("clips, face exchanged", 200))
        for k in range(count)
    ]
    few, many = detectors({"xception": rows}, registry, {"xception": ""})[0].sets
    assert (len(few.rows), few.threshold) == (20, held_out.WITHOUT_SOURCE)
    assert many.threshold == held_out.WITHOUT_SOURCE
    alone = detectors({"xception": rows[:20]}, registry, {"xception": ""})[0].sets[0]
    assert alone.threshold == held_out.ON_THIS_SET


def test_the_clips_left_without_the_largest_source_are_enough_to_measure_with(
    registry: WeightRegistry,
) -> None:
    """As it is of the published clips: 49 real ones, 25 without those of one source."""
    rng = np.random.default_rng(1)
    sizes = ((0, 24), (1, 13), (2, 12))
    rows = [
        Scored("clips", f"{source} {k} {fake}", fake, "m", str(source), float(rng.normal() + fake))
        for source, size in sizes
        for k in range(size)
        for fake in (False, True)
    ]
    (item,) = detectors({"xception": rows}, registry, {"xception": ""})[0].sets
    assert item.threshold == held_out.WITHOUT_SOURCE
    shipped = calibrator_of("xception", registry, "clips")
    assert shipped is not None
    assert item.llrs is not None
    assert not np.allclose(item.llrs, shipped.llrs(item.logits))


def test_versions_of_a_recording_count_once() -> None:
    rows = [*scored("clips", {"ra": -1.0, "fb": 2.0}), *scored("again", {"ra": -3.0})]
    rows.append(Scored("again", "ra", True, "swap", "s", 5.0))
    assert [(row.path, row.fake, row.logit) for row in once(rows)] == [
        ("ra", False, -2.0),
        ("fb", True, 2.0),
        ("ra", True, 5.0),
    ]


def test_the_finding_takes_the_better_supported_sense_and_silent_clips_as_they_are(
    registry: WeightRegistry,
) -> None:
    seen = scored("clips", {"fa": 0.5, "rb": -2.0, "fc": 1.0, "fe": 1.0, "ff": 2.5})
    llrs = np.array([row.logit for row in seen])
    measured = Measured("clips", tuple(seen), llrs, np.ones(5, bool), held_out.ON_THIS_SET)
    sounds = {"fa": -2.0, "rb": -1.0, "rd": -2.5, "fe": 2.0}
    heard = {"aasist": [*scored("clips", sounds), *scored("elsewhere", {"rg": 1.0})]}
    found = finding.of_clips([Detector("xception", "", (measured,))], heard, registry)
    assert found is not None
    own = found.sets[0]
    assert {row.path: row.logit for row in own.rows} == {
        "fa": 0.5, "rb": -1.0, "fc": 1.0, "fe": 3.0, "ff": 2.5, "rd": -2.5
    }  # fmt: skip
    assert own.llrs is not None
    assert own.llrs.tolist() == [0.5, -1.0, 1.0, 1.5, 2.5, -2.5]
    assert own.called.tolist() == [True, False, True, True, True, False]
    assert own.threshold == held_out.ON_THIS_SET
    sound = finding.of_clips([], heard, registry)
    assert sound is not None
    assert sound.sets[0].threshold == "ln LR > 0"
    assert finding.of_clips([], {}, registry) is None


def test_the_finding_hears_with_the_branches_of_the_standard_profile(
    registry: WeightRegistry,
) -> None:
    file = registry.folder / "registry.toml"
    entry = ENTRY.format(name="cqcc_cnn", calibration="calibration/aasist.toml")
    file.write_text(file.read_text() + entry)
    both = WeightRegistry(registry.folder)
    assert set(video.branches(both)) == {"xception", "aasist"}
    usual = {"aasist": scored("clips", {"fa": 1.0, "rb": -1.0})}
    other = {"cqcc_cnn": scored("clips", {"fa": 3.0, "rb": 2.0, "fc": 1.0})}
    assert finding.of_clips([], other, both) is None
    found = finding.of_clips([], usual | other, both)
    assert found is not None
    assert {row.path: row.logit for row in found.sets[0].rows} == {"fa": 1.0, "rb": -1.0}


def test_the_sound_of_clips_is_reported_within_the_finding_alone(
    registry: WeightRegistry, tmp_path: Path
) -> None:
    both = {f"{'f' if k % 2 else 'r'}{k}": float(k % 2) for k in range(12)}
    for name in ("aasist", "xception"):
        write_scores(scored("clips", both), tmp_path / f"video_scores_{name}.csv")
    report = evaluate("video", None, tmp_path, registry, ScoreStore(), 0)
    assert list(report["weights"]) == ["xception", "finding"]
    assert report["weights"]["finding"]["sets"][0]["n"] == 12
    with (tmp_path / "video_scores_aasist.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 12
