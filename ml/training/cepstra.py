"""Training of a network on constant-Q cepstra that are made once.

The transform takes several times as long as the network behind it, so what it makes of a few
presentations of each clip is kept. Masks over time and coefficients: Park et al. 2019, SpecAugment.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from ml.media.windows import level, repeat_to
from ml.models.cqcc_cnn import CqccCnn
from ml.training.audio import JUDGED_LEVEL, AudioConfig, AudioTask
from ml.training.audio_augmentation import degrade
from ml.training.audio_clips import AudioClip
from ml.training.caches import Arrays, origin, remembered
from ml.training.engine import ConfigError

FRAMES = 160
COEFFICIENTS_MASKED = 10
FRAMES_MASKED = 20
FILE = "cepstra.npz"
Cepstra = NDArray[np.float16]


class CepstraTask(AudioTask):
    """Batches of stored cepstra: a random stretch of a random presentation of each clip."""

    def __init__(self, config: AudioConfig, data: Path, cache: Path) -> None:
        super().__init__(config, data)
        if not isinstance(self.model, CqccCnn):
            raise ConfigError(f"'presentations' is for cqcc_cnn, not for {config.architecture}")
        # A fold reads the presentations that the other folds read.
        self.kept = stored(replace(config, fold=-1), data, cache / FILE)

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """(B, 1, 90, FRAMES) float32 and (B,) float32 labels, 1 = spoof."""
        clips, labels = self.drawn(rng)
        return torch.from_numpy(np.stack([self._stretch(clip, rng) for clip in clips])), labels

    def logits(self, model: nn.Module, inputs: Tensor) -> Tensor:
        """(B, 1, 90, FRAMES) -> (B,)."""
        assert isinstance(model, CqccCnn)
        return model.classify(inputs)

    def _stretch(self, clip: AudioClip, rng: np.random.Generator) -> NDArray[np.float32]:
        presentations = self.kept[clip.file]
        rows = presentations[rng.integers(len(presentations))]
        start = int(rng.integers(0, max(1, rows.shape[1] - FRAMES + 1)))
        seen = rows[:, start : start + FRAMES].astype(np.float32)
        seen[_span(seen.shape[0], COEFFICIENTS_MASKED, rng)] = 0.0
        seen[:, _span(seen.shape[1], FRAMES_MASKED, rng)] = 0.0
        return np.asarray(seen[None], np.float32)


def _span(length: int, widest: int, rng: np.random.Generator) -> slice:
    """Somewhere in ``length``, less than ``widest`` long."""
    first = int(rng.integers(0, length))
    return slice(first, first + int(rng.integers(0, widest)))


def stored(config: AudioConfig, data: Path, path: Path) -> dict[Path, Cepstra]:
    """The cepstra (presentations, 90, T) of every training clip by its file, made once and kept in
    ``path``. Raises ConfigError when what is kept there is of other clips or settings."""
    task = AudioTask(config, data)
    groups = (task.real, task.spoof, task.copies, task.voices)
    clips = [clip for group in groups for members in group.values() for clip in members]
    settings = (config.presentations, config.samples, config.strength)
    wanted = origin(settings, [(clip.path, clip.file.stat().st_size) for clip in clips])

    def make() -> Arrays:
        assert isinstance(task.model, CqccCnn)
        numbered = enumerate(tqdm(clips, desc="cepstra"))
        made = [presented(task.model, clip, number, config) for number, clip in numbered]
        return {"cepstra": np.stack(made)}

    kept = np.asarray(remembered(path, wanted, make)["cepstra"], np.float16)
    return {clip.file: rows for clip, rows in zip(clips, kept, strict=True)}


def presented(model: CqccCnn, clip: AudioClip, number: int, config: AudioConfig) -> Cepstra:
    """The cepstra of a clip as it is judged and of ``presentations`` - 1 degraded versions."""
    rng = np.random.default_rng(number)
    waves = [level(clip.waveform, JUDGED_LEVEL)] + [
        degrade(clip.waveform, config.samples, rng, config.strength)
        for _ in range(config.presentations - 1)
    ]
    windows = np.stack([repeat_to(wave, config.samples) for wave in waves])
    with torch.inference_mode():
        rows = model.cepstra(torch.from_numpy(windows))[:, 0]
    return rows.half().numpy()
