"""Training of the lip synchrony network: which half second of speech belongs to this mouth?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from ml.branches.lip_input import MELS_PER_FRAME, LipInput, lip_input
from ml.media.faces import crop_face, crop_square
from ml.media.plan import DecodePlan
from ml.media.prepared import CLIP_MARGIN, CLIP_SIZE, FaceClip
from ml.media.sandbox import decode_sandboxed
from ml.models.sync_net import SyncNet, distance_by_shift
from ml.training.image_data import Box, as_box, find_boxes, read_manifest, read_meshes

REACH = 15
TEMPERATURE = 0.07
MOUTH_CORNERS = (61, 291)
_MIN_KNOWN = 8


@dataclass(frozen=True)
class SyncConfig:
    """The ``[sync]`` table. Each batch holds ``batch`` windows of ``frames`` frames; sources in
    ``hold_out`` are judged and not trained on."""

    landmarks: str
    batch: int = 16
    frames: int = 75
    hold_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class SpokenClip:
    """One clip's lips and sound with where it came from."""

    lips: LipInput
    source: str
    path: str
    fake: bool


class SyncTask:
    """Windows of clips with their own sound; every other moment of the window is a negative."""

    def __init__(self, config: SyncConfig, data: Path, cache: Path) -> None:
        self.config = config
        self.model: nn.Module = SyncNet()
        clips = spoken_clips(data / "videos", cache / "lips.npz", Path(config.landmarks))
        self.trained = [clip for clip in clips if clip.source not in config.hold_out]
        judged = [clip for clip in clips if clip.source in config.hold_out] or clips
        self.judged = [clip for clip in judged if not clip.fake]
        self.sources = sorted({(clip.source, clip.fake) for clip in self.trained})

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """Mouths (B, T, 32, 32) and mels (B, 4T, 40), in step with each other."""
        pairs = [self._window(rng) for _ in range(self.config.batch)]
        mouths, mels = zip(*pairs, strict=True)
        return torch.from_numpy(np.stack(mouths)), torch.from_numpy(np.stack(mels))

    def _window(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        source = self.sources[int(rng.integers(len(self.sources)))]
        own = [clip for clip in self.trained if (clip.source, clip.fake) == source]
        lips = own[int(rng.integers(len(own)))].lips
        count = min(self.config.frames, len(lips.mouths))
        start = int(rng.integers(len(lips.mouths) - count + 1))
        mouths = lips.mouths[start : start + count]
        mels = lips.mels[MELS_PER_FRAME * start : MELS_PER_FRAME * (start + count)]
        short = self.config.frames - count
        mouths = np.pad(mouths, ((0, short), (0, 0), (0, 0)), mode="reflect")
        mels = np.pad(mels, ((0, MELS_PER_FRAME * short), (0, 0)), mode="reflect")
        if rng.random() < 0.5:
            mouths = mouths[:, :, ::-1]
        moved = np.roll(mouths, rng.integers(-2, 3, 2), axis=(1, 2))
        gain, offset = rng.uniform(0.7, 1.3), rng.uniform(-0.15, 0.15)
        noise = rng.standard_normal(mels.shape, dtype=np.float32) * rng.uniform(0, 0.3)
        return (moved * gain + offset).astype(np.float32), (mels + noise).astype(np.float32)

    def loss(self, model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        """InfoNCE both ways among the moments of each window within the reach; the neighbours of
        the true moment count in part, since a frame's tolerance is one."""
        assert isinstance(model, SyncNet)
        mouths, mels = batch
        video, audio = model.embed_video(mouths).float(), model.embed_audio(mels).float()
        likeness = video @ audio.transpose(1, 2) / TEMPERATURE
        steps = likeness.shape[1]
        gap = (torch.arange(steps)[:, None] - torch.arange(steps)[None, :]).abs()
        masked = likeness.masked_fill(gap > REACH, float("-inf"))
        wanted = torch.where(gap == 0, 0.8, torch.where(gap == 1, 0.1, 0.0))
        wanted = wanted / wanted.sum(1, keepdim=True)
        losses = []
        for table in (masked, masked.transpose(1, 2)):
            logs = functional.log_softmax(table, dim=-1)
            losses.append(-(wanted * logs.masked_fill(gap > REACH, 0.0)).sum(-1).mean())
        return torch.stack(losses).mean()

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """Share of clips whose offset is found within one frame, and the mean error."""
        assert isinstance(model, SyncNet)
        offsets = np.array([found_offset(model, clip.lips) for clip in self.judged])
        within = float((np.abs(offsets) <= 1).mean())
        return {
            "within_one_frame": within,
            "mean_error": float(np.abs(offsets).mean()),
            "clips": float(len(offsets)),
            "score": within - 0.01 * float(np.abs(offsets).mean()),
        }


def found_offset(model: SyncNet, lips: LipInput) -> int:
    """Frames the sound lags behind the mouth: the shift of the least mean distance."""
    with torch.inference_mode():
        video = model.embed_video(torch.from_numpy(lips.mouths)[None])[0]
        audio = model.embed_audio(torch.from_numpy(lips.mels)[None])[0]
    mean = torch.nanmean(distance_by_shift(video, audio, REACH), dim=0)
    return int(mean.argmin()) - REACH


def spoken_clips(folder: Path, cache: Path, landmarks: Path) -> list[SpokenClip]:
    """Lips and sound of every clip that has both, remembered in ``cache`` (npz)."""
    rows = {row["path"]: row for row in read_manifest(folder) if row["has_audio"] == "1"}
    if not cache.exists():
        boxes = find_boxes((), cache.parent / "boxes_videos.npz")
        meshes = read_meshes(landmarks)
        arrays: dict[str, NDArray[np.generic]] = {}
        for path, row in tqdm(rows.items(), desc="lips"):
            clip = face_clip(folder / path, path, float(row["fps"]), boxes, meshes)
            sound = decode_sandboxed(folder / path, DecodePlan(max_frames=1, dense_s=0.0))
            if clip is None or sound.waveform is None:
                continue
            lips = lip_input(clip, sound.waveform, sound.audio_start)
            if lips is not None:
                arrays[f"{path}|mouths"] = lips.mouths
                arrays[f"{path}|mels"] = lips.mels
                arrays[f"{path}|t"] = lips.t
        np.savez_compressed(cache, **arrays)  # type: ignore[arg-type]
    clips = []
    with np.load(cache) as file:
        for path, row in rows.items():
            if f"{path}|t" in file:
                lips = LipInput(*(file[f"{path}|{part}"] for part in ("mouths", "mels", "t")))
                clips.append(SpokenClip(lips, row["source_repo"], path, row["label"] == "fake"))
    return clips


def face_clip(
    file: Path,
    path: str,
    fps: float,
    boxes: Mapping[str, Box],
    meshes: Mapping[str, NDArray[np.float32]],
) -> FaceClip | None:
    """Native-rate crops of the beginning of a clip, the boxes and mouth corners known on some
    frames and interpolated between them; None when too few are known."""
    known = [
        (int(name.rpartition("#")[2]), name)
        for name in boxes
        if name.startswith(f"{path}#") and name in meshes
    ]
    if len(known) < _MIN_KNOWN:
        return None
    known.sort()
    places = np.array([place for place, _ in known])
    corners = np.stack([meshes[name][list(MOUTH_CORNERS)] for _, name in known])
    square = np.array([boxes[name] for _, name in known])
    square = uniform_filter1d(square, 3, axis=0, mode="nearest")
    reader = cv2.VideoCapture(str(file))
    times, pictures, landmarks = [], [], []
    for index in range(int(places[-1]) + 1):
        more, bgr = reader.read()
        if not more:
            break
        if index < places[0]:
            continue
        box = as_box(np.array([np.interp(index, places, square[:, k]) for k in range(4)]))
        mouth = np.array(
            [[np.interp(index, places, corners[:, c, k]) for k in range(2)] for c in range(2)]
        )
        rgb = np.ascontiguousarray(bgr[..., ::-1], dtype=np.uint8)
        left, top, side = crop_square(box, CLIP_MARGIN)
        points = np.zeros((5, 2), dtype=np.float32)
        points[3:] = (mouth - (left, top)) * (CLIP_SIZE / side)
        times.append(index / fps)
        pictures.append(crop_face(rgb, box, CLIP_MARGIN, CLIP_SIZE))
        landmarks.append(points)
    reader.release()
    return FaceClip(0, np.array(times), np.stack(pictures), np.stack(landmarks))
