"""Visual branches on made-up media with weights of a test registry."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from ml.branches import av_sync, resnext_lstm, tiny_ladeda, xception
from ml.branches.base import Branch
from ml.branches.lip_input import lip_input
from ml.errors import WeightsError
from ml.media.prepared import FaceClip, PreparedMedia
from ml.models.resnext_lstm import ResNeXtLSTM
from ml.models.sync_net import SyncNet
from ml.models.tiny_ladeda import TinyLaDeDa
from ml.models.xception import Xception
from ml.result import BranchStatus
from ml.training.engine import save_tensors
from ml.weights.registry import WeightRegistry
from tests.ml.made_media import made_face, made_media

ENTRY = """
[{name}]
file = "{name}.safetensors"
sha256 = "{sha256}"
architecture = "test"
label_polarity = "class1_fake"
dtype = "float32"
initialisation = "random, for this test only"
training_data = "none"
licence = "none"
validated_domain = "none"
not_validated_for = "anything"
config = {config}
preprocessing = {preprocessing}
"""
PIXELS = "{{ size = {size}, margin = {margin}, mean = [0.5, 0.5, 0.5], std = [0.5, 0.5, 0.5] }}"
BRANCHES = {
    "xception": (xception.create, Xception, "{ num_classes = 2 }", xception.SIZE),
    "resnext_lstm": (
        resnext_lstm.create,
        lambda: ResNeXtLSTM(hidden=16, layers=1),
        "{ hidden = 16, layers = 1 }",
        resnext_lstm.SIZE,
    ),
    "tiny_ladeda": (tiny_ladeda.create, TinyLaDeDa, "{}", tiny_ladeda.SIZE),
}


def _folder(path: Path, name: str, network: nn.Module, config: str, preprocessing: str) -> Path:
    save_tensors(network, path / f"{name}.safetensors")
    digest = hashlib.sha256((path / f"{name}.safetensors").read_bytes()).hexdigest()
    entry = ENTRY.format(name=name, sha256=digest, config=config, preprocessing=preprocessing)
    (path / "registry.toml").write_text(entry, encoding="utf-8")
    return path


def _branch(path: Path, name: str, margin: float = 0.3) -> Branch:
    create, network, config, size = BRANCHES[name]
    torch.manual_seed(0)
    pixels = PIXELS.format(size=size, margin=margin)
    branch: Branch = create()
    branch.load(WeightRegistry(_folder(path, name, network(), config, pixels)), torch.device("cpu"))
    return branch


@pytest.mark.parametrize("name", list(BRANCHES))
def test_weights_trained_with_another_crop_margin_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(WeightsError) as refused:
        _branch(tmp_path, name, margin=0.0)
    assert refused.value.code == "preprocessing_mismatch"
    assert "margin" in refused.value.message


@pytest.mark.parametrize("name", list(BRANCHES))
def test_a_recording_without_a_face_is_not_applicable(tmp_path: Path, name: str) -> None:
    output = _branch(tmp_path, name).run(made_media(1, ()))
    assert output.status is BranchStatus.NOT_APPLICABLE
    assert output.logit is None
    assert output.reason


@pytest.mark.parametrize("name", ["xception", "tiny_ladeda"])
def test_every_face_of_a_still_is_scored_and_the_highest_counts(tmp_path: Path, name: str) -> None:
    output = _branch(tmp_path, name).run(
        made_media(1, (made_face(0, 0.0), made_face(0, 0.0, 1, x=110)))
    )
    assert output.status is BranchStatus.SCORED
    assert set(output.face_logits) == {(0, 0), (0, 1)}
    assert output.logit == max(output.face_logits.values())


@pytest.mark.parametrize("name", list(BRANCHES))
def test_heat_maps_lie_over_their_thumbnails_and_name_them_as_parents(
    tmp_path: Path, name: str
) -> None:
    faces = tuple(made_face(k, k / 5) for k in range(16))
    output = _branch(tmp_path, name).run(made_media(16, faces))
    facts = [artefact.facts for artefact in output.artefacts]
    thumbnails = {f.sha256: f for f in facts if f.kind == "thumbnail"}
    heatmaps = [f for f in facts if f.kind == "heatmap"]
    assert heatmaps
    assert all(f.parent_sha256 == "ab" * 32 for f in thumbnails.values())
    for heatmap in heatmaps:
        parent = thumbnails[heatmap.parent_sha256]
        assert (heatmap.t, heatmap.track) == (parent.t, parent.track)
        assert (heatmap.width, heatmap.height) == (parent.width, parent.height)
        assert "Where the model responded" in heatmap.caption
    layer = next(a for a in output.artefacts if a.facts.kind == "heatmap")
    assert Image.open(io.BytesIO(layer.content)).mode == "RGBA"


def test_a_video_is_scored_by_the_mean_of_its_frames(tmp_path: Path) -> None:
    faces = tuple(made_face(k, k / 5) for k in range(6))
    output = _branch(tmp_path, "xception").run(made_media(6, faces))
    assert output.logit == pytest.approx(np.mean([item.logit for item in output.items]))
    assert [item.start for item in output.items] == [k / 5 for k in range(6)]
    assert output.curves[0].x_unit == "s"


def test_fifteen_frames_are_too_few_for_the_sequence_network(tmp_path: Path) -> None:
    faces = tuple(made_face(k, k / 5) for k in range(15))
    output = _branch(tmp_path, "resnext_lstm").run(made_media(16, faces))
    assert output.status is BranchStatus.NOT_APPLICABLE
    assert "15" in output.reason


def test_the_same_video_gives_the_same_output_twice(tmp_path: Path) -> None:
    media = made_media(16, tuple(made_face(k, k / 5) for k in range(16)))
    branch = _branch(tmp_path, "resnext_lstm")
    assert branch.run(media) == branch.run(media)


def _talking(seconds: float, lag_s: float = 0.0) -> tuple[FaceClip, np.ndarray]:
    """A mouth that opens and closes with the loudness of a tone, the sound ``lag_s`` late."""
    t = np.arange(int(seconds * 25)) / 25
    open_ = 0.5 + 0.5 * np.sin(2 * np.pi * 1.3 * t)
    rgb = np.full((len(t), 160, 160, 3), 150, np.uint8)
    for k, amount in enumerate(open_):
        rgb[k, 100 : 100 + int(4 + 20 * amount), 60:100] = 20
    landmarks = np.tile(
        np.array([[55, 60], [105, 60], [80, 85], [62, 110], [98, 110]]), (len(t), 1, 1)
    )
    clock = np.arange(int(seconds * 16000)) / 16000
    loudness = 0.5 + 0.5 * np.sin(2 * np.pi * 1.3 * (clock - lag_s))
    sound = 0.3 * loudness * np.sin(2 * np.pi * 220 * clock)
    return FaceClip(0, t, rgb, landmarks.astype(np.float32)), sound.astype(np.float32)


def test_lips_and_sound_come_on_one_clock() -> None:
    clip, sound = _talking(4.0)
    lips = lip_input(clip, sound, audio_start=0.5)
    assert lips is not None
    assert lips.t[0] == pytest.approx(0.5)
    assert len(lips.mels) == 4 * (len(lips.mouths) + 2 * av_sync.REACH)
    assert lip_input(clip, sound[:8000], 0.0) is None


def test_synchrony_is_scored_with_its_distance_curve(tmp_path: Path) -> None:
    preprocessing = "{ frame_rate = 25, synchrony_mean = 0.3, synchrony_deviation = 0.1 }"
    folder = _folder(tmp_path, "av_sync", SyncNet(), "{}", preprocessing)
    branch = av_sync.create()
    branch.load(WeightRegistry(folder), torch.device("cpu"))
    clip, sound = _talking(4.0)
    silent = made_media(2, ())
    assert "no sound" in branch.run(silent).reason
    media = PreparedMedia(
        silent.path, silent.input, silent.facts, clips=(clip,), waveform=sound, speech=((0, 4),)
    )
    output = branch.run(media)
    assert output.status is BranchStatus.SCORED
    curve = next(c for c in output.curves if c.name == "distance by shift")
    assert curve.x[0] == -600
    assert curve.x[-1] == 600
    assert output.details["offset_ms"] == curve.x[int(np.argmin(curve.y))]
    assert output.logit == pytest.approx((0.3 - output.details["synchrony_at_zero"]) / 0.1)
