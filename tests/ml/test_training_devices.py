"""Every training computes its loss and its judgement where the network lies."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ml.models.aasist import AASIST, AASIST_LIGHT
from ml.models.statistics_xception import SIGNS, StatisticsXception
from ml.models.xception import Xception
from ml.training import sync, video
from ml.training.audio import AudioConfig, AudioTask
from ml.training.audio_clips import AudioClip
from ml.training.blending import BlendingConfig, BlendingTask
from ml.training.distillation import DistillationConfig, DistillationTask, Student
from ml.training.engine import Task
from ml.training.exit_flow import ExitConfig, ExitTask
from ml.training.frame_readers import XCEPTION_LEVELS
from ml.training.gate import GateConfig, GateTask
from ml.training.image import ImageConfig, ImageTask
from ml.training.sequences import Sequences
from ml.training.sync import SpokenClip, SyncConfig, SyncTask
from ml.training.video import VideoConfig, VideoTask
from tests.ml.stand_in_device import DEVICE, StandIn, move

SIZE = 48
ROWS = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of crops and maps, and untrained Xceptions and a student."""
    folder = tmp_path_factory.mktemp("devices")
    torch.manual_seed(0)
    save_file(Xception().state_dict(), str(folder / "xception.safetensors"))
    trunk = StatisticsXception(XCEPTION_LEVELS)
    save_file(trunk.state_dict(), str(folder / "statistics.safetensors"))
    save_file(Student().state_dict(), str(folder / "student.safetensors"))
    (folder / "store").mkdir()
    crops = torch.randint(0, 256, (ROWS, SIZE, SIZE, 3), dtype=torch.uint8)
    maps = torch.randn(ROWS, 728, 4, 4).bfloat16()
    save_file({"crops": crops, "maps": maps}, str(folder / "store" / "part000000.safetensors"))
    row = np.arange(ROWS)
    np.savez(
        folder / "store" / "plans.npz",
        kinds=np.where(row % 2, "swap", "real"),
        sources=np.full(ROWS, "made"),
        fake=row % 2 == 1,
        clean=row >= ROWS // 2,
    )
    return folder


def _audio(_: Path) -> Task:
    task = AudioTask.__new__(AudioTask)
    task.config = AudioConfig("aasist_light", batch=2)
    task.model = AASIST(AASIST_LIGHT)
    task.judged = [Noise(f"{k}", "dev", k % 2 == 1, "g", "", "s", "", Path()) for k in range(4)]
    task.batch = lambda rng: (  # type: ignore[method-assign]
        torch.from_numpy(rng.standard_normal((2, task.config.samples), np.float32)),
        torch.tensor([0.0, 1.0]),
    )
    return task


class Noise(AudioClip):
    """A clip that needs no file."""

    waveform = np.random.default_rng(0).standard_normal(16_000, np.float32)  # type: ignore[assignment]


def _crops(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return list(rng.integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8))


def _pictures(rng: np.random.Generator) -> torch.Tensor:
    return torch.from_numpy(rng.standard_normal((4, 3, SIZE, SIZE), np.float32))


def _image(_: Path) -> Task:
    task = ImageTask.__new__(ImageTask)
    task.config = ImageConfig("", "")
    task.model = Xception()
    task.judged = {"swap": (_crops(2), _crops(2))}
    task.batch = lambda rng: (_pictures(rng), torch.tensor([0, 0, 1, 1]))  # type: ignore[method-assign]
    return task


def _blending(_: Path) -> Task:
    task = BlendingTask.__new__(BlendingTask)
    task.config = BlendingConfig("", "", only=())
    task.model = StatisticsXception((4,))
    task.judged = (_crops(2), _crops(2))
    task.batch = lambda rng: (_pictures(rng), torch.tensor([0.0, 0, 1, 1]))  # type: ignore[method-assign]
    return task


def _exit(folder: Path) -> Task:
    config = ExitConfig(str(folder / "xception.safetensors"), batch=4)
    return ExitTask(config, folder / "store")


def _gate(folder: Path) -> Task:
    return GateTask(GateConfig(batch=4), folder / "store")


def _distillation(folder: Path) -> Task:
    config = DistillationConfig(str(folder / "xception.safetensors"), size=SIZE, batch=4)
    return DistillationTask(config, folder / "store")


def _over_time(architecture: str, backbone: Path, read: int, folder: Path) -> Task:
    rng = np.random.default_rng(0)
    sequences = Sequences(
        rng.standard_normal((4, 32, read), np.float32),
        np.array([20, 32, 20, 32]),
        np.array([0, 1, 0, 1]),
        *(np.full(4, "made") for _ in range(3)),
    )
    config = VideoConfig(architecture=architecture, backbone=str(backbone), landmarks="", batch=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(video, "cached_sequences", lambda *_: (sequences, sequences))
        return VideoTask(config, folder, folder)


def _video(folder: Path) -> Task:
    return _over_time("resnext_lstm", folder / "student.safetensors", 2048, folder)


def _temporal(folder: Path) -> Task:
    return _over_time("temporal_bilstm", folder / "statistics.safetensors", SIGNS, folder)


def _sync(folder: Path) -> Task:
    rng = np.random.default_rng(0)
    mouths = rng.integers(0, 255, (75, 48, 48), dtype=np.uint8)
    wave = 0.1 * rng.standard_normal(48_000, np.float32)
    clip = SpokenClip(mouths, wave, 0.0, "made", "a.mp4", fake=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sync, "spoken_clips", lambda *_: [clip])
        return SyncTask(SyncConfig(batch=2, frames=30), folder, folder)


@pytest.mark.filterwarnings("ignore:CUDA is not available")
@pytest.mark.parametrize(
    "made", [_audio, _image, _blending, _exit, _gate, _distillation, _video, _temporal, _sync]
)
def test_the_loss_and_the_judgement_are_computed_where_the_network_lies(
    made: Callable[[Path], Task], folder: Path
) -> None:
    task = made(folder)
    batch = task.batch(np.random.default_rng(0))
    with StandIn():
        move(task.model)
        loss = task.loss(task.model, tuple(tensor.to(DEVICE) for tensor in batch))
        with torch.inference_mode():
            figures = task.evaluate(task.model.eval())
    assert torch.isfinite(loss)
    assert 0 <= figures["score"] <= 1 or made in (_audio, _sync)
