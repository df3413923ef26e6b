"""Training of the lip synchrony network: which moment of the speech belongs to this mouth?

Mouths come from the very preparation an analysis uses. The sound of a training window begins at a
random place before the window's first picture, so that no edge gives the answer away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import signal
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from ml.branches.lip_input import HOP, MELS_PER_FRAME, MOUTH_SHARE, log_mels, mouths
from ml.media.plan import DecodePlan
from ml.media.prepare import Preparer
from ml.media.prepared import SAMPLE_RATE
from ml.models.sync_net import FRAME_RATE, MOUTH, REACH, SyncNet, distance_by_shift
from ml.training.audio_augmentation import (
    Wave,
    add_noise,
    equalise,
    low_pass,
    reverberate,
    telephone,
)
from ml.training.caches import Arrays, remembered
from ml.training.devices import device_of
from ml.training.image_data import files_origin, read_manifest

TEMPERATURE = 0.07
SHIFTS = (-12, -8, -5, -2, 0, 3, 6, 9, 13)
STORED = 48
_SPEECH_S = 1.0
_FRAME = MELS_PER_FRAME * HOP
_PLAN = DecodePlan(max_frames=8, dense_s=20.0, dense_frames=600, dense_side=400)
_CHANNELS = ((0.3, add_noise), (0.3, equalise), (0.15, telephone), (0.2, reverberate),
             (0.2, low_pass))  # fmt: skip


@dataclass(frozen=True)
class SyncConfig:
    """The ``[sync]`` table. Each batch holds ``batch`` windows of ``frames`` frames; sources in
    ``hold_out`` are judged and not trained on, clips in ``leave_out`` are not used at all.
    ``generated`` is the chance of a window from a clip whose lips were made from its sound."""

    batch: int = 8
    frames: int = 75
    hold_out: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    generated: float = 0.4


@dataclass(frozen=True)
class SpokenClip:
    """One clip's mouths (T, 48, 48) uint8, cut wider than the network sees, at 25 frames a second
    from ``start`` seconds into ``wave``, with where it came from."""

    mouths: NDArray[np.uint8]
    wave: Wave
    start: float
    source: str
    path: str
    fake: bool


class SyncTask:
    """Windows of clips with their own sound; every other moment within reach is a negative."""

    def __init__(self, config: SyncConfig, data: Path, cache: Path) -> None:
        self.config = config
        self.model: nn.Module = SyncNet()
        clips = [
            clip
            for clip in spoken_clips(data / "videos", cache / "spoken.npz")
            if clip.path not in config.leave_out
        ]
        self.trained = [clip for clip in clips if clip.source not in config.hold_out]
        judged = [clip for clip in clips if clip.source in config.hold_out] or clips
        self.judged = [clip for clip in judged if not clip.fake] or judged

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """Mouths (B, T, 32, 32), mels (B, 4 * (T + 30), 40) and the column (B,) of the shift at
        which they belong together."""
        windows = [self._window(rng) for _ in range(self.config.batch)]
        pictures, mels, columns = zip(*windows, strict=True)
        return torch.stack(pictures), torch.from_numpy(np.stack(mels)), torch.tensor(columns)

    def _window(self, rng: np.random.Generator) -> tuple[Tensor, NDArray[np.float32], int]:
        clip = self._draw(rng)
        speed = int(rng.integers(85, 116)) / 100
        frames = self.config.frames
        needed = min(int(frames * speed) + 1, len(clip.mouths))
        begin = int(rng.integers(len(clip.mouths) - needed + 1))
        places = begin + np.arange(frames) * speed
        if rng.random() < 0.2:
            # Pictures that stand still now and then: low frame rates and dropped frames.
            places = np.floor(places / 2) * 2 if rng.random() < 0.5 else places.round()
        chosen = clip.mouths[places.round().astype(int).clip(0, len(clip.mouths) - 1)]
        column = int(rng.integers(2 * REACH + 1))
        first = clip.start + begin / FRAME_RATE
        heard = max(0.0, first - 2 * REACH / FRAME_RATE)
        last = first + (needed + 2 * REACH) / FRAME_RATE
        wave = clip.wave[round(heard * SAMPLE_RATE) : round(last * SAMPLE_RATE)]
        wave = signal.resample_poly(wave, 100, round(100 * speed)).astype(np.float32)
        for chance, change in _CHANNELS:
            if rng.random() < chance:
                wave = change(wave, rng)
        start = (first - heard) / speed - column / FRAME_RATE
        mels = log_mels(wave, start, frames + 2 * REACH)
        if rng.random() < 0.3:
            band = int(rng.integers(36))
            mels[:, band : band + int(rng.integers(2, 9))] = 0.0
        return presented(chosen, rng), mels, column

    def _draw(self, rng: np.random.Generator) -> SpokenClip:
        fake = rng.random() < self.config.generated
        clips = [clip for clip in self.trained if clip.fake == fake] or self.trained
        weights = np.sqrt([len(clip.mouths) for clip in clips])
        return clips[int(rng.choice(len(clips), p=weights / weights.sum()))]

    def loss(self, model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        """Cross-entropy over the shifts, of every frame and of the mean over the window, whose
        neighbouring frames count in part, since a frame's tolerance is one."""
        assert isinstance(model, SyncNet)
        pictures, mels, columns = batch
        video, audio = model.embed_video(pictures).float(), model.embed_audio(mels).float()
        shifts = torch.arange(2 * REACH + 1, device=video.device)
        steps = torch.arange(video.shape[1], device=video.device)[:, None] + shifts
        likeness = video @ audio.transpose(1, 2) / TEMPERATURE
        by_shift = likeness.gather(2, steps.expand(len(video), -1, -1))
        gap = (shifts[None] - columns[:, None]).abs()
        wanted = torch.where(gap == 0, 0.8, torch.where(gap == 1, 0.1, 0.0))
        wanted = wanted / wanted.sum(1, keepdim=True)
        each = -(wanted[:, None] * functional.log_softmax(by_shift, -1)).sum(-1).mean()
        pooled = -(wanted * functional.log_softmax(3 * by_shift.mean(1), -1)).sum(-1).mean()
        return each + pooled

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """Share of known shifts found within one frame, and the mean error."""
        assert isinstance(model, SyncNet)
        errors = np.array(
            [found_shift(model, clip, shift) - shift for clip in self.judged for shift in SHIFTS]
        )
        within = float((np.abs(errors) <= 1).mean())
        return {
            "within_one_frame": within,
            "within_two": float((np.abs(errors) <= 2).mean()),
            "clips": float(len(self.judged)),
            "score": within - 0.01 * float(np.abs(errors).mean()),
        }


def presented(pictures: NDArray[np.uint8], rng: np.random.Generator) -> Tensor:
    """(T, 32, 32) float32 from (T, 48, 48) uint8: another camera, crop and compression, the same
    for all pictures but for a slow drift of the crop."""
    count = len(pictures)
    scale = rng.uniform(0.85, 1.18) * MOUTH / STORED
    angle = rng.uniform(-0.12, 0.12)
    turned = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if rng.random() < 0.5:
        turned[:, 0] *= -1
    phase = np.arange(count) / FRAME_RATE * rng.uniform(0.2, 1.5) + rng.uniform(0, 6.3)
    drift = rng.uniform(-0.06, 0.06, 2) + rng.uniform(0, 0.04, 2) * np.sin(phase)[:, None]
    drift += rng.normal(0, 0.004, (count, 2))
    theta = np.concatenate([np.tile(turned, (count, 1, 1)), drift[..., None]], axis=2)
    grid = functional.affine_grid(
        torch.from_numpy(theta.astype(np.float32)), [count, 1, MOUTH, MOUTH], align_corners=False
    )
    stored = torch.from_numpy(pictures).float()[:, None] / 255
    cut = functional.grid_sample(stored, grid, padding_mode="border", align_corners=False)
    if rng.random() < 0.3:
        small = int(rng.integers(14, 30))
        cut = functional.interpolate(cut, size=small, mode="area")
        cut = functional.interpolate(cut, size=MOUTH, mode="bilinear")
    cut = cut[:, 0].clamp(1e-3, 1) ** float(rng.uniform(0.7, 1.4))
    noise = torch.from_numpy(rng.standard_normal(cut.shape, dtype=np.float32))
    return cut * rng.uniform(0.7, 1.3) + rng.uniform(-0.15, 0.15) + noise * rng.uniform(0, 0.02)


def found_shift(model: SyncNet, clip: SpokenClip, late: int) -> int:
    """Frames the sound lags behind the mouth once it is made ``late`` frames late; silence takes
    the place of what is missing."""
    quiet = np.zeros(max(0, late * _FRAME), np.float32)
    wave = np.concatenate([quiet, clip.wave[max(0, -late * _FRAME) :]])
    edge = (STORED - MOUTH) // 2
    seen = clip.mouths[:, edge : edge + MOUTH, edge : edge + MOUTH].astype(np.float32) / 255
    mels = log_mels(wave, clip.start - REACH / FRAME_RATE, len(seen) + 2 * REACH)
    device = device_of(model)
    with torch.inference_mode():
        video = model.embed_video(torch.from_numpy(seen)[None].to(device))[0]
        audio = model.embed_audio(torch.from_numpy(mels)[None].to(device))[0]
    return int(distance_by_shift(video, audio).mean(0).argmin()) - REACH


def spoken_clips(folder: Path, cache: Path) -> list[SpokenClip]:
    """Every clip with a face and a second of speech, prepared once and kept in ``cache``. Raises
    ConfigError when the cache is of other clips."""
    rows = [row for row in read_manifest(folder) if row["has_audio"] == "1"]
    kept = remembered(cache, files_origin(folder, rows), lambda: _prepared(folder, rows))
    return [
        SpokenClip(
            np.asarray(kept[f"{path}|mouths"], np.uint8),
            np.asarray(kept[f"{path}|wave"], np.float32),
            float(np.asarray(kept[f"{path}|start"])),
            row["source_repo"],
            path,
            row["label"] == "fake",
        )
        for row in rows
        if f"{(path := row['path'])}|mouths" in kept
    ]


def _prepared(folder: Path, rows: Sequence[Mapping[str, str]]) -> Arrays:
    preparer = Preparer(torch.device("cpu"))
    arrays: dict[str, NDArray[np.generic]] = {}
    for path in tqdm([row["path"] for row in rows], desc="clips"):
        media = preparer.prepare(folder / path, _PLAN)
        spoken = sum(end - start for start, end in media.speech)
        if media.waveform is None or not media.clips or spoken < _SPEECH_S:
            continue
        clip = media.clips[0]
        times = np.arange(float(clip.t[0]), float(clip.t[-1]), 1 / FRAME_RATE)
        wide = mouths(clip, times, MOUTH_SHARE * STORED / MOUTH, STORED)
        arrays[f"{path}|mouths"] = (255 * wide).round().astype(np.uint8)
        arrays[f"{path}|wave"] = media.waveform[: 60 * SAMPLE_RATE]
        arrays[f"{path}|start"] = np.array(times[0] - media.audio_start)
    return arrays
