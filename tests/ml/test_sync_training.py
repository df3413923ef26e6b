"""Training windows of the synchrony network, and how a known shift is judged."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ml.branches.lip_input import log_mels
from ml.models.sync_net import SyncNet
from ml.training import sync
from ml.training.sync import SpokenClip, SyncConfig, SyncTask, found_shift, presented


def _clip(seconds: float = 6.0) -> SpokenClip:
    rng = np.random.default_rng(0)
    mouths = rng.integers(0, 255, (int(25 * seconds), 48, 48)).astype(np.uint8)
    wave = (0.1 * rng.standard_normal(int(16_000 * seconds))).astype(np.float32)
    return SpokenClip(mouths, wave, 0.0, "source", "a.mp4", fake=False)


def test_a_window_holds_more_sound_than_pictures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sync, "spoken_clips", lambda *_: [_clip()])
    task = SyncTask(SyncConfig(batch=3, frames=40), tmp_path, tmp_path)
    pictures, mels, columns = task.batch(np.random.default_rng(1))
    assert pictures.shape == (3, 40, 32, 32)
    assert mels.shape == (3, 4 * (40 + 30), 40)
    assert ((columns >= 0) & (columns <= 30)).all()
    assert torch.isfinite(task.loss(task.model, (pictures, mels, columns)))


def test_presentations_differ_and_stay_near_the_range_of_pictures() -> None:
    pictures = _clip(1.0).mouths
    first, second = (presented(pictures, np.random.default_rng(seed)) for seed in (0, 1))
    assert first.shape == (25, 32, 32)
    assert not torch.allclose(first, second)
    assert first.abs().max() < 2


def test_a_network_that_hears_only_the_time_finds_the_shift() -> None:
    """Embeddings that are one-hot in time: the sound's noise bursts and the mouths' brightness."""

    class Clock(SyncNet):
        def embed_video(self, mouths: torch.Tensor) -> torch.Tensor:
            return torch.eye(200)[mouths[0, :, 0, 0].mul(255).round().long()][None]

        def embed_audio(self, mels: torch.Tensor) -> torch.Tensor:
            loud = mels[0].mean(1).reshape(-1, 4).mean(1)
            frame = int(loud.argmax())
            return torch.eye(200)[(torch.arange(len(loud)) - frame + 50).clamp(0, 199)][None]

    mouths = np.zeros((100, 48, 48), np.uint8)
    mouths += np.arange(100, dtype=np.uint8)[:, None, None]
    wave = np.full(4 * 16_000, 1e-3, np.float32) * np.random.default_rng(0).standard_normal(64_000)
    wave[50 * 640 : 51 * 640] *= 500
    clip = SpokenClip(mouths, wave.astype(np.float32), 0.0, "s", "p", fake=False)
    for late in (-9, 0, 6):
        assert found_shift(Clock(), clip, late) == late


def test_sound_outside_the_recording_is_quiet() -> None:
    wave = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    mels = log_mels(wave, -0.4, 45)
    assert mels.shape == (180, 40)
    assert (mels[:38] == mels.min()).all()
    assert (mels[-38:] == mels.min()).all()
    assert mels[60:120].mean() > mels.min() + 1
