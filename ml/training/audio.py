"""Training of the audio countermeasures: bona fide speech against synthetic, converted and
copy-synthesised speech, balanced by source and by generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from ml.evaluation.held_out import LEFT_OUT
from ml.evaluation.metrics import eer
from ml.evaluation.scored import Scored, write_scores
from ml.media.windows import level, repeat_to
from ml.models.aasist import AASIST, AASIST_BASE, AASIST_LIGHT, WINDOW_SAMPLES
from ml.models.cqcc_cnn import CqccCnn
from ml.models.mel_xception import MelXception
from ml.models.whisper_detector import WhisperConfig, WhisperDetector
from ml.training.audio_augmentation import degrade
from ml.training.audio_clips import (
    AudioClip,
    draw,
    grouped,
    leave_source_out,
    load_made,
    load_manifest,
    wanted,
)
from ml.training.devices import device_of
from ml.training.engine import ConfigError
from ml.training.image import freeze
from ml.training.linear_probe import start_head
from ml.training.whisper_import import load_encoder

JUDGED_LEVEL = 0.05
_FROM_SCRATCH: dict[str, Callable[[float], nn.Module]] = {
    "cqcc_cnn": CqccCnn,
    "mel_xception": MelXception,
}


@dataclass(frozen=True)
class AudioConfig:
    """The ``[audio]`` table.

    ``architecture``: aasist, aasist_light, whisper, cqcc_cnn or mel_xception. ``initial``: a
    checkpoint to start from ("" for none). ``made``: folder of clips made for training ("" for
    none). ``fold`` of ``folds`` is held out by source and judged; -1 trains on every source. Of
    the spoofed half of a batch, ``copies`` are copy-synthesis (by ``copy_methods``, none named:
    all) and ``voices`` own synthesis. ``strength`` scales the augmentation probabilities.
    ``frozen`` names submodules that stay as they are. ``presentations`` of each clip are kept as
    what the network's front end makes of them, in memory too (cqcc_cnn alone); 0: a new one for
    every batch.
    ``probe`` starts the head of a pretrained encoder from a logistic regression, of one reading.
    """

    architecture: str
    initial: str = ""
    made: str = ""
    batch: int = 16
    samples: int = WINDOW_SAMPLES
    fold: int = -1
    folds: int = 5
    copies: float = 0.3
    voices: float = 0.1
    copy_methods: tuple[str, ...] = ()
    strength: float = 1.0
    presentations: int = 0
    smoothing: float = 0.05
    layers: int = 2
    changes: bool = False
    group_delay: tuple[int, ...] = ()
    readings: int = 1
    dropout: float = 0.3
    frozen: tuple[str, ...] = ()
    probe: bool = False


def build(config: AudioConfig) -> nn.Module:
    """The network of ``config``, filled from its ``initial``. Raises ConfigError."""
    if config.architecture == "whisper":
        model = WhisperDetector(
            WhisperConfig(
                layers=config.layers,
                dropout=config.dropout,
                changes=config.changes,
                group_delay=config.group_delay,
                readings=config.readings,
            )
        )
        if config.initial.endswith(".bin"):
            load_encoder(model, Path(config.initial))
        elif config.initial:
            model.load_state_dict(load_file(config.initial))
        return model
    if config.architecture in _FROM_SCRATCH:
        if config.initial:
            raise ConfigError(f"{config.architecture} starts from random weights: no 'initial'")
        made = _FROM_SCRATCH[config.architecture](config.dropout)
        return made.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
    sizes = {"aasist": AASIST_BASE, "aasist_light": AASIST_LIGHT}.get(config.architecture)
    if sizes is None:
        raise ConfigError(f"unknown architecture '{config.architecture}'")
    network = AASIST(sizes)
    if config.initial.endswith(".safetensors"):
        network.load_state_dict(load_file(config.initial))
    elif config.initial:
        network.load_state_dict(
            torch.load(config.initial, map_location="cpu", weights_only=True), strict=True
        )
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def fake_logit(output: Tensor) -> Tensor:
    """A network's output as one logit per clip, positive for FAKE: (B,) is kept, of (B, 2) the
    spoof logit minus the bona fide logit."""
    return output.float() if output.ndim == 1 else output[:, 0].float() - output[:, 1].float()


class AudioTask:
    """Batches of half bona fide, half spoofed speech; judged on the held-out sources."""

    def __init__(self, config: AudioConfig, data: Path) -> None:
        self.config = config
        self.model = build(config)
        for name in config.frozen:
            freeze(self.model.get_submodule(name))
        given = [clip for clip in load_manifest(data) if clip.split == "train"]
        fold_of = leave_source_out(given, config.folds)
        self.judged = [clip for clip in given if fold_of[clip.source] == config.fold]
        trained = [clip for clip in given if fold_of[clip.source] != config.fold]
        made = load_made(Path(config.made)) if config.made else []
        real = [clip for clip in [*trained, *made] if not clip.spoof]
        parents = {clip.path for clip in real}
        self.real = grouped(real, lambda clip: f"{clip.source} {clip.corpus}")
        self.spoof = grouped((c for c in trained if c.spoof), lambda clip: clip.generator)
        self.copies = grouped(
            (c for c in made if c.parent in parents and wanted(c, config.copy_methods)),
            lambda c: c.generator,
        )
        self.voices = grouped(
            (c for c in made if c.spoof and not c.parent), lambda clip: clip.generator
        )

        if config.probe and isinstance(self.model, WhisperDetector):
            windows = [repeat_to(level(c.waveform, JUDGED_LEVEL), config.samples) for c in trained]
            start_head(self.model, windows, np.array([clip.spoof for clip in trained]))

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """(B, samples) float32 and (B,) float32 labels, 1 = spoof."""
        clips, labels = self.drawn(rng)
        waves = [self._present(clip.waveform, rng) for clip in clips]
        return torch.from_numpy(np.stack(waves)), labels

    def drawn(self, rng: np.random.Generator) -> tuple[list[AudioClip], Tensor]:
        """The clips of a batch and their labels (B,) float32, 1 = spoof."""
        half = self.config.batch // 2
        clips = [draw(self.real, rng) for _ in range(half)]
        clips += [self._forgery(rng) for _ in range(half)]
        return clips, torch.tensor([0.0] * half + [1.0] * half)

    def loss(self, model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        """Binary cross-entropy with label smoothing."""
        inputs, labels = batch
        soft = labels * (1 - self.config.smoothing) + self.config.smoothing / 2
        return functional.binary_cross_entropy_with_logits(self.logits(model, inputs), soft)

    def logits(self, model: nn.Module, inputs: Tensor) -> Tensor:
        """What a batch holds -> fake logits (B,)."""
        return fake_logit(model(inputs))

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """Pooled EER of the held-out sources; ``score`` is its negative, 0 when there are none."""
        if not self.judged:
            return {"score": 0.0}
        scores = score_clips(model, [clip.waveform for clip in self.judged], self.config.samples)
        rate = eer(scores, np.array([clip.spoof for clip in self.judged]))
        return {"eer": rate, "score": -rate}

    def report(self, model: nn.Module, out: Path) -> None:
        """Scores of the held-out sources, for leave-source-out figures and calibration."""
        if not self.judged:
            return
        logits = score_clips(model, [clip.waveform for clip in self.judged], self.config.samples)
        write_held_out(self.judged, logits, out)

    def _forgery(self, rng: np.random.Generator) -> AudioClip:
        kind = rng.random()
        if kind < self.config.copies and self.copies:
            return draw(self.copies, rng)
        if kind < self.config.copies + self.config.voices and self.voices:
            return draw(self.voices, rng)
        return draw(self.spoof, rng)

    def _present(self, wave: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        samples = self.config.samples
        return repeat_to(degrade(wave, samples, rng, self.config.strength), samples)


def write_held_out(clips: Sequence[AudioClip], logits: NDArray[np.float64], out: Path) -> None:
    """Write ``out/scores.csv``: each clip with its logit (N,) by what never heard its source."""
    rows = [
        Scored(LEFT_OUT, clip.path, clip.spoof, clip.method, clip.source, float(logit))
        for clip, logit in zip(clips, logits, strict=True)
    ]
    write_scores(rows, out / "scores.csv")


def score_clips(
    model: nn.Module, waves: Sequence[NDArray[np.float32]], samples: int, batch: int = 16
) -> NDArray[np.float64]:
    """Fake logit of the first ``samples`` of each clip, at the level the networks are fed and in
    float32, as an analysis scores it."""
    model.eval()
    device = device_of(model)
    scores = []
    with torch.inference_mode():
        for start in range(0, len(waves), batch):
            windows = [
                repeat_to(level(w, JUDGED_LEVEL), samples) for w in waves[start : start + batch]
            ]
            logits = fake_logit(model(torch.from_numpy(np.stack(windows)).to(device)))
            scores.append(logits.cpu().double().numpy())
    return np.concatenate(scores)
