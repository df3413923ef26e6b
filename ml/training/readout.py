"""The last layer of a frozen speech network, by logistic regression, with leave-source-out scores.

``python -m ml train readout --config FILE --data FOLDER --out FOLDER`` writes the network fitted
on the training sources outside ``fold`` (``last.safetensors``) and ``scores.csv``: each training
clip scored by a last layer that was fitted without its fold of sources, and without what was made
of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from tqdm import tqdm

from ml.evaluation.metrics import eer
from ml.media.windows import level, repeat_to
from ml.models.aasist import AASIST
from ml.models.whisper_detector import WhisperDetector
from ml.training.audio import JUDGED_LEVEL, AudioConfig, build, write_held_out
from ml.training.audio_augmentation import channel
from ml.training.audio_clips import (
    AudioClip,
    leave_source_out,
    load_made,
    load_manifest,
    wanted,
)
from ml.training.caches import Arrays, origin, remembered
from ml.training.engine import LAST, ConfigError, save_tensors
from ml.training.precision import mixed_precision

BATCH = 8
IN_NO_FOLD = -1
Features = NDArray[np.float64]


@dataclass(frozen=True)
class ReadoutConfig:
    """The ``[readout]`` table; ``penalty`` is the inverse strength of the ridge penalty on
    standardised features, chosen by the folds. The network is that of ``[audio]``, and so are
    ``made`` clips and the shares that ``copies`` and ``voices`` have in the spoofed half. A version
    of every clip that went through a telephone band or codec weighs ``degraded`` of the whole.

    Copies by the methods ``vocoders`` have a reading of their own, fitted on them and the bona fide
    clips alone: the ratio is ``vocoder_share`` of the second reading's and the rest of the first's.
    """

    penalty: float = 1e-3
    degraded: float = 0.0
    vocoders: tuple[str, ...] = ()
    vocoder_share: float = 0.12


@dataclass(frozen=True)
class Readout:
    """A linear reading of features (N, D): logits (N,), positive for FAKE."""

    mean: Features
    deviation: Features
    weight: Features
    bias: float

    def logits(self, features: Features) -> Features:
        """Logits (N,) of features (N, D)."""
        return (features - self.mean) / self.deviation @ self.weight + self.bias


def fit(
    features: Features, spoof: NDArray[np.bool_], penalty: float, shares: Features | None = None
) -> Readout:
    """Logistic regression with both classes weighted alike, the clips of a class by ``shares``
    (N,), without them alike too."""
    given = np.ones(len(spoof)) if shares is None else shares
    weights = np.empty(len(spoof))
    for label in (False, True):
        own = spoof == label
        weights[own] = given[own] / given[own].sum() * len(spoof) / 2
    mean, deviation = features.mean(0), features.std(0) + 1e-6
    model = LogisticRegression(C=penalty, max_iter=1000)
    model.fit((features - mean) / deviation, spoof, sample_weight=weights)
    return Readout(mean, deviation, model.coef_[0], float(model.intercept_[0]))


@dataclass(frozen=True)
class Clips:
    """Training clips (N): the first ``given`` are those of the data folder, behind them what was
    made. ``fold`` (N,) is that of the source, for a copy that of its parent's, -1 for what no fold
    leaves out; ``shares`` (N,) is what each weighs inside its class; ``vocoded`` (N,) are the
    copies that the second reading is fitted on."""

    clips: list[AudioClip]
    given: int
    fold: NDArray[np.int64]
    shares: Features
    vocoded: NDArray[np.bool_]

    @property
    def spoof(self) -> NDArray[np.bool_]:
        """Labels (N,)."""
        return np.array([clip.spoof for clip in self.clips])

    def outside(self, fold: int) -> NDArray[np.bool_]:
        """Which clips (N,) are fitted on when ``fold`` is held out; ``IN_NO_FOLD``: all."""
        return np.asarray((self.fold != fold) | (self.fold == IN_NO_FOLD))

    def twice(self, degraded: float) -> Clips:
        """Every clip again behind all of them, to stand for its degraded version, which has the
        share ``degraded``; without a share the clips as they are."""
        if not degraded:
            return self
        shares = np.concatenate([(1 - degraded) * self.shares, degraded * self.shares])
        fold, vocoded = np.tile(self.fold, 2), np.tile(self.vocoded, 2)
        return Clips([*self.clips, *self.clips], self.given, fold, shares, vocoded)


def gather(audio: AudioConfig, data: Path, vocoders: Sequence[str] = ()) -> Clips:
    """The training clips of ``data`` and those made for training; of the spoofed half ``copies``
    are copy-synthesis and ``voices`` own synthesis. Behind them the copies by ``vocoders``."""
    given = [clip for clip in load_manifest(data) if clip.split == "train"]
    fold_of = leave_source_out(given, audio.folds)
    made = load_made(Path(audio.made)) if audio.made else []
    voices = [clip for clip in made if clip.spoof and not clip.parent]
    recorded = [clip for clip in made if not clip.spoof]
    fold = {clip.path: IN_NO_FOLD for clip in recorded}
    fold |= {clip.path: fold_of[clip.source] for clip in given}
    copies = [c for c in made if c.parent in fold and wanted(c, audio.copy_methods)]
    vocoded = [c for c in made if vocoders and c.parent in fold and wanted(c, vocoders)]
    every = [*given, *copies, *voices, *recorded, *vocoded]
    rest = (1 - audio.copies - audio.voices) / max(sum(clip.spoof for clip in given), 1)
    shares = [
        *(rest if clip.spoof else 1.0 for clip in given),
        *(audio.copies / len(copies) for _ in copies),
        *(audio.voices / len(voices) for _ in voices),
        *(1.0 for _ in recorded),
        *(1.0 for _ in vocoded),
    ]
    folds = np.array([fold.get(clip.parent or clip.path, IN_NO_FOLD) for clip in every])
    last = np.arange(len(every)) >= len(every) - len(vocoded)
    return Clips(every, len(given), folds, np.array(shares), last)


def fit_readings(
    features: Features, clips: Clips, kept: NDArray[np.bool_], config: ReadoutConfig
) -> list[Readout]:
    """The readings of the clips ``kept``: one, or two where there are copies by vocoders, whose
    ratios add up to that of a mixture of both kinds of forgery."""
    own = kept & ~clips.vocoded
    first = fit(features[own], clips.spoof[own], config.penalty, clips.shares[own])
    if not clips.vocoded.any():
        return [first]
    own = kept & (clips.vocoded | ~clips.spoof)
    second = fit(features[own], clips.spoof[own], config.penalty, clips.shares[own])
    share = config.vocoder_share
    return [
        replace(first, bias=first.bias + np.log(1 - share)),
        replace(second, bias=second.bias + np.log(share)),
    ]


def joined(readings: Sequence[Readout], features: Features) -> Features:
    """Logits (N,) of features (N, D): the logarithm of the sum of the readings' ratios."""
    return np.asarray(np.logaddexp.reduce([reading.logits(features) for reading in readings]))


def left_out_scores(
    features: Features, clips: Clips, folds: int, config: ReadoutConfig
) -> Features:
    """The logit (given,) of every clip of the data folder by readings fitted without the clip's
    fold of sources and without what was made of them."""
    logits = np.empty(len(clips.clips))
    for number in range(folds):
        kept = clips.outside(number)
        readings = fit_readings(features, clips, kept, config)
        logits[~kept] = joined(readings, features[~kept])
    return logits[: clips.given]


def read_features(
    model: nn.Module, clips: Sequence[AudioClip], samples: int, *, degraded: bool
) -> Features:
    """What the last layer reads (N, D), of the first ``samples`` of each clip, as it is or after
    a channel."""
    model.eval()
    seen: list[Tensor] = []
    hook = last_layer(model).register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.inference_mode(), mixed_precision():
        for start in tqdm(range(0, len(clips), BATCH), desc="features"):
            waves = [clip.waveform for clip in clips[start : start + BATCH]]
            if degraded:
                waves = [
                    channel(wave, np.random.default_rng((78, start + place)))
                    for place, wave in enumerate(waves)
                ]
            windows = [repeat_to(level(wave, JUDGED_LEVEL), samples) for wave in waves]
            model(torch.from_numpy(np.stack(windows)))
    hook.remove()
    return np.asarray(torch.cat(seen).float().numpy(), np.float64)


def remembered_features(
    model: nn.Module, audio: AudioConfig, clips: Clips, folder: Path, *, degraded: bool
) -> Features:
    """``read_features`` kept in ``folder`` with what they were made of: network and clips. Raises
    ConfigError when those there are of others."""
    initial = Path(audio.initial) if audio.initial else ""
    network = (
        audio.architecture,
        initial,
        audio.layers,
        audio.changes,
        audio.group_delay,
        audio.samples,
    )
    names = [(clip.path, clip.file.stat().st_size) for clip in clips.clips]
    file = folder / f"{'degraded' if degraded else 'features'}_{audio.architecture}.npz"

    def make() -> Arrays:
        found = read_features(model, clips.clips, audio.samples, degraded=degraded)
        return {"features": found.astype(np.float32)}

    found = remembered(file, origin(*network, names), make)
    return np.asarray(found["features"], np.float64)


def last_layer(model: nn.Module) -> nn.Module:
    """The layer whose input is read: for Whisper the normalisation before the last layer.
    Raises ConfigError for another network."""
    if isinstance(model, WhisperDetector):
        return model.statistics_norm
    if isinstance(model, AASIST):
        return model.out_layer
    raise ConfigError("only whisper and aasist have a last layer that can be fitted alone")


def install(readings: Sequence[Readout], model: nn.Module) -> None:
    """Make ``readings`` the last layer of ``model``, which holds as many; AASIST holds one."""
    with torch.no_grad():
        if isinstance(model, WhisperDetector):
            _install_whisper(readings, model)
        elif isinstance(model, AASIST):
            _install_aasist(readings[0], model)


def _install_whisper(readings: Sequence[Readout], model: WhisperDetector) -> None:
    norm, first = model.statistics_norm, readings[0]
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.copy_(torch.from_numpy(first.mean))
    norm.running_var.copy_(torch.from_numpy(first.deviation**2))
    # The normalisation adds a small constant to the variance: the weights make up for it.
    spread = np.sqrt(first.deviation**2 + norm.eps)
    slopes = [reading.weight / reading.deviation for reading in readings]
    biases = [
        reading.bias + float((first.mean - reading.mean) @ slope)
        for reading, slope in zip(readings, slopes, strict=True)
    ]
    model.out_layer.weight.copy_(torch.from_numpy(np.stack(slopes) * spread))
    model.out_layer.bias.copy_(torch.tensor(biases))


def _install_aasist(reading: Readout, model: AASIST) -> None:
    # Two outputs, spoof and bona fide; the logit is their difference.
    half = torch.from_numpy(reading.weight / reading.deviation / 2)
    bias = (reading.bias - float(reading.mean / reading.deviation @ reading.weight)) / 2
    model.out_layer.weight.copy_(torch.stack([half, -half]))
    model.out_layer.bias.copy_(torch.tensor([bias, -bias]))


def train(config: ReadoutConfig, audio: AudioConfig, data: Path, out: Path) -> dict[str, float]:
    """Write the network and the scores into ``out``; the pooled equal error rate of the folds.
    Raises ConfigError."""
    clips = gather(audio, data, config.vocoders)
    if audio.readings != (2 if clips.vocoded.any() else 1):
        raise ConfigError(
            "'readings' of [audio] must be 2 where 'made' holds copies by 'vocoders', and else 1"
        )
    if audio.readings > 1 and audio.architecture != "whisper":
        raise ConfigError("only whisper holds more than one reading: no 'vocoders' for others")
    model = build(audio)
    versions = [
        remembered_features(model, audio, clips, out.parent, degraded=degraded)
        for degraded in ((False, True) if config.degraded else (False,))
    ]
    features = np.concatenate(versions)
    every = clips.twice(config.degraded)
    logits = left_out_scores(features, every, audio.folds, config)
    out.mkdir(parents=True, exist_ok=True)
    write_held_out(every.clips[: every.given], logits, out)
    install(fit_readings(features, every, every.outside(audio.fold), config), model)
    save_tensors(model, out / LAST)
    error = eer(logits, every.spoof[: every.given])
    return {"leave-source-out eer": error, "clips": float(every.given)}
