"""What a training keeps is refused once it is of other data, settings or weights."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ml.evaluation import explanations
from ml.training import distillation, exit_flow, image_data, statistics, sync, video, video_data
from ml.training.caches import ORIGIN, origin, remembered
from ml.training.distillation import DistillationConfig
from ml.training.engine import ConfigError
from ml.training.exit_flow import StoreConfig
from ml.training.image_data import find_boxes, load_photos, read_meshes
from ml.training.statistics import COLUMNS, StatisticsConfig
from ml.training.video import TOLD, VideoConfig
from tests.ml.drawn_face import draw_face

OTHER = "is of other data, settings or weights; delete it"
Check = Callable[[], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures and clips of one row each, weights and landmarks."""
    for media, name in (("images", "a.png"), ("videos", "a.mp4")):
        (tmp_path / media).mkdir()
        cv2.imwrite(str(tmp_path / "picture.png"), np.zeros((8, 8, 3), np.uint8))
        (tmp_path / "picture.png").rename(tmp_path / media / name)
        (tmp_path / media / "manifest.csv").write_text(
            f"path,split,label,method,source_repo,has_audio,fps\n{name},train,real,photo,s,1,25\n"
        )
    (tmp_path / "weights").write_bytes(b"first")
    np.savez(tmp_path / "landmarks", names=["a.png"], points=np.zeros((1, 468, 2)))
    return tmp_path


def test_arrays_are_made_once_and_belong_to_their_origin(tmp_path: Path) -> None:
    made = []

    def make() -> dict[str, np.ndarray]:
        made.append(1)
        return {"values": np.arange(3)}

    path = tmp_path / "new" / "kept.npz"
    for _ in range(2):
        kept = remembered(path, "here", make)
        assert list(kept) == ["values"]
        assert kept["values"].tolist() == [0, 1, 2]
    assert len(made) == 1
    with pytest.raises(ConfigError, match=f"kept.npz {OTHER}"):
        remembered(path, "elsewhere", make)


def test_arrays_that_do_not_say_what_they_are_of_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "old.npz", values=np.arange(3))
    with pytest.raises(ConfigError, match=OTHER):
        remembered(tmp_path / "old.npz", origin(), dict)


def test_an_origin_follows_settings_names_and_the_content_of_files(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"first")
    first = origin(1, ["a"], file)
    assert origin(1, ["a"], file) == first
    assert origin(2, ["a"], file) != first
    assert origin(1, ["b"], file) != first
    file.write_bytes(b"other")
    assert origin(1, ["a"], file) != first


def test_boxes_of_other_photographs_drop_nothing_silently(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes = {"names": np.array(["a.png"]), "boxes": np.array([[1.0, 2, 3, 4]])}
    monkeypatch.setattr(image_data, "_detected", lambda _: boxes)

    def load() -> object:
        return load_photos(folder / "images", folder / "boxes.npz", None, lambda _: True)

    photo = image_data.load_photos(folder / "images", folder / "boxes.npz", None, lambda _: True)[0]
    assert photo.box == (1.0, 2.0, 3.0, 4.0)
    _refused_for_other_rows(folder / "images", load)


def test_the_statistics_follow_what_they_are_computed_from(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {name: np.array(["x"]) for name in ("features", "blended", *COLUMNS)}
    made["features"] = np.zeros((1, 3), np.float16)
    monkeypatch.setattr(statistics, "store_arrays", lambda *_: made)
    config = StatisticsConfig(str(folder / "weights"), str(folder / "landmarks.npz"))

    def load(**changes: Any) -> object:
        return statistics.cached_store(replace(config, **changes), folder, folder)

    load()
    load(hold_out=("s",), ridge=2.0, scale=1.0)
    for change in ({"size": 9}, {"levels": (4,)}, {"pairs": 3}, {"seed": 4}):
        _refused(lambda change=change: load(**change))
    _refused_for_other_weights(folder, load)
    _refused_for_other_rows(folder / "images", load)


class Unread:
    """A reader that is never asked: what it reads is stored."""


def test_the_sequences_follow_the_backbone_and_the_crops_do_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = video.Sequences.__annotations__
    made = {f"{part}_{field}": np.zeros(1) for part in video.PARTS for field in fields}
    monkeypatch.setattr(video, "sequence_arrays", lambda *_: made)
    crops = {f"{part}_{name}": np.ones(1, int) for part in video.PARTS for name in TOLD}
    crops |= {
        f"{part}_{name}": np.ones(1, int) for part in video.PARTS for name in ("crops", "lengths")
    }
    monkeypatch.setattr(video, "crop_arrays", lambda *_: crops)
    config = VideoConfig(backbone=str(folder / "weights"), landmarks=str(folder / "landmarks.npz"))

    def load(**changes: Any) -> object:
        changed = replace(config, **changes)
        return video.cached_sequences(changed, Unread(), folder, folder)

    def cut(**changes: Any) -> object:
        return video.crop_rows(replace(config, **changes), folder, folder)

    load()
    cut()
    load(hold_out=("s",), follow=2.0, batch=2)
    cut(size=9)
    _refused(lambda: load(size=9))
    _refused(lambda: load(architecture="temporal_bilstm"))
    for change in ({"crop": 9}, {"side": 9}, {"sequences": 3}, {"frames": 4}, {"seed": 2}):
        _refused(lambda change=change: load(**change))
        _refused(lambda change=change: cut(**change))
    _refused_for_other_weights(folder, load)
    cut()
    _refused_for_other_rows(folder / "videos", cut)


def test_what_was_spoken_is_of_these_clips(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"a.mp4|mouths": np.zeros((2, 48, 48), np.uint8), "a.mp4|wave": np.zeros(9, np.float32)}
    made["a.mp4|start"] = np.array(0.5)
    monkeypatch.setattr(sync, "_prepared", lambda *_: made)

    def load() -> list[sync.SpokenClip]:
        return sync.spoken_clips(folder / "videos", folder / "spoken.npz")

    (clip,) = load()
    assert (clip.path, clip.start, clip.source, clip.fake) == ("a.mp4", 0.5, "s", False)
    _refused_for_other_rows(folder / "videos", load)


def test_a_teachers_answers_are_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"features": np.zeros((1, 2), np.float32), "logits": np.ones((1, 2), np.float32)}
    monkeypatch.setattr(distillation, "_answered", lambda *_: made)
    (folder / "plans.npz").write_bytes(b"plans")
    config = DistillationConfig(str(folder / "weights"))

    def load() -> tuple[torch.Tensor, torch.Tensor]:
        return distillation.teacher_answers(config, [folder / "part000000.safetensors"], folder)

    assert load()[1].tolist() == [[1, 1]]
    _refused_for_other_weights(folder, load)
    (folder / "plans.npz").write_bytes(b"other plans")
    _refused(load)


def test_a_store_is_continued_only_with_its_own_recipe(folder: Path) -> None:
    config = StoreConfig(str(folder / "weights"), str(folder / "landmarks.npz"))
    part = folder / "part000000.safetensors"
    own = exit_flow.store_origin(config, folder)
    save_file({"maps": torch.zeros(1)}, str(part), metadata={ORIGIN: own})
    assert exit_flow.part_origin(part) == own
    _refused(lambda: exit_flow.build_store(replace(config, size=9), folder, folder))
    _refused_for_other_weights(folder, lambda: exit_flow.build_store(config, folder, folder))
    save_file({"maps": torch.zeros(1)}, str(part))
    _refused(lambda: exit_flow.build_store(config, folder, folder))


def _refused(check: Check) -> None:
    with pytest.raises(ConfigError, match=OTHER):
        check()


def _refused_for_other_weights(folder: Path, check: Check) -> None:
    (folder / "weights").write_bytes(b"other")
    _refused(check)
    (folder / "weights").write_bytes(b"first")


def _refused_for_other_rows(media: Path, check: Check) -> None:
    manifest = media / "manifest.csv"
    head, row = manifest.read_text().splitlines()
    name = row.partition(",")[0]
    (media / name).rename(media / f"b{name}")
    manifest.write_text(f"{head}\nb{row}\n")
    _refused(check)


def test_boxes_that_were_found_are_kept_as_numbers(tmp_path: Path) -> None:
    face = draw_face(320)
    pictures = [("wide", np.pad(face, ((0, 0), (0, 80), (0, 0)))), ("square", face)]
    found = find_boxes([*pictures, ("none", np.zeros_like(face))], tmp_path / "boxes.npz", "here")
    assert set(found) == {"wide", "square"}
    x1, y1, x2, y2 = found["square"]
    assert 0 <= x1 < x2 <= 320
    assert 0 <= y1 < y2 <= 320
    assert find_boxes([], tmp_path / "boxes.npz", "here") == found


def test_landmarks_of_other_pictures_are_refused(folder: Path) -> None:
    def meshes(*names: str) -> Path:
        points = np.zeros((len(names), 468, 2), np.float32)
        points[-1] = np.nan
        np.savez(folder / "made.npz", names=list(names), points=points)
        return folder / "made.npz"

    none_found = meshes("b.png", "a.png")
    assert set(read_meshes(none_found, ["a.png"])) == {"b.png"}
    with pytest.raises(ConfigError, match=r"of other pictures: 2 were never .* such as c.png"):
        read_meshes(none_found, ["a.png", "d.png", "c.png"])
    assert read_meshes(None, ["a.png"]) == {}


def test_photographs_and_clips_ask_for_landmarks_of_their_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"a.png": (0.0, 0.0, 4.0, 4.0), "a.mp4#0": (0.0, 0.0, 4.0, 4.0)}
    for module in (image_data, video_data):
        monkeypatch.setattr(module, "find_boxes", lambda *_: found)
    np.savez(folder / "other", names=["z"], points=np.zeros((1, 468, 2)))
    for load, media in ((image_data.load_photos, "images"), (video_data.load_clips, "videos")):
        with pytest.raises(ConfigError, match=r"other.npz is of other pictures"):
            load(folder / media, folder / "boxes.npz", folder / "other.npz", lambda _: True)


def test_explanations_of_other_pictures_end_in_words(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(image_data, "find_boxes", lambda *_: {"a.png": (0.0, 0.0, 4.0, 4.0)})
    table = folder / "images" / "manifest.csv"
    table.write_text(table.read_text().replace("train", "dev"))
    np.savez(folder / "other", names=["z"], points=np.zeros((1, 468, 2)))
    asked = ["--data", str(folder), "--landmarks", str(folder / "other.npz")]
    out = folder / "out.json"
    assert explanations.main([*asked, "--branches", "xception", "--out", str(out)]) == 2
    assert "other.npz is of other pictures" in capsys.readouterr().err
    assert not out.exists()
