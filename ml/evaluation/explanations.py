"""Do explanations point at what was altered? ``python -m ml.evaluation.explanations``.

Faces: a part of a real face is blended with an altered copy of itself; a hit is the heat map's
highest point inside the part (the pointing game, Zhang 2016). Speech: a spoofed clip is put between
bona fide clips of one source; a hit is the highest window's centre inside it. Each hit rate stands
beside what the map's place alone would give: the centre of the crop, chance, or chance windows.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from ml.branches.registry import create_branch
from ml.branches.speech_network import HOP_S, SpeechNetworkBranch
from ml.branches.xception import XceptionBranch
from ml.errors import MlError
from ml.evaluation.reports import save
from ml.media.faces import crop_face
from ml.media.prepared import SAMPLE_RATE
from ml.media.windows import repeat_to, window_starts
from ml.training.audio_clips import AudioClip, grouped, load_manifest
from ml.training.engine import ConfigError
from ml.training.image_data import Photo, load_photos
from ml.training.self_blending import (
    BROWS,
    EYES,
    LIPS,
    OVAL,
    alter,
    blend,
    jitter,
    region_mask,
    soften,
)
from ml.weights.registry import WeightRegistry

PUBLISHED = Path("docs/evaluation/explanations.json")
# Parts that leave the centre of the crop outside: both eyes, the mouth, the left, the right cheek.
PARTS = (BROWS + EYES, (*LIPS, 152, 148, 377, 199), OVAL[2:14], OVAL[22:34])
BRANCHES = ("xception", "whisper", "aasist")
_INSIDE = 0.3
_SEED = 20260101


@dataclass(frozen=True)
class HitRate:
    """``rate`` of ``n`` with its 95 % Wilson interval; ``baselines`` are rates of the same cases
    without looking at the recording."""

    n: int
    rate: float
    interval: tuple[float, float]
    baselines: dict[str, float]


def hit_rate(hits: Sequence[bool], baselines: dict[str, Sequence[float]]) -> HitRate:
    """Raises ValueError without a case."""
    n, z = len(hits), 1.96
    if n == 0:
        raise ValueError("no case was judged")
    rate = sum(hits) / n
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    means = {name: float(np.mean(values)) for name, values in baselines.items()}
    return HitRate(n, rate, (middle - half, middle + half), means)


def pointing_game(branch: XceptionBranch, photos: Sequence[Photo]) -> dict[str, HitRate]:
    """Hit rates on self-blended parts: of the map, and of how it differs from the original's."""
    rng = np.random.default_rng(_SEED)
    own: list[bool] = []
    difference: list[bool] = []
    centre: list[float] = []
    area: list[float] = []
    for photo in photos:
        assert photo.mesh is not None
        part = PARTS[int(rng.integers(len(PARTS)))]
        mask = soften(region_mask(photo.rgb.shape[:2], photo.mesh, part), rng)
        forged = blend(jitter(alter(photo.rgb, rng), rng), photo.rgb, mask)
        size, margin = branch.entry.preprocessing["size"], branch.entry.preprocessing["margin"]
        crops = [crop_face(rgb, photo.box, margin, size) for rgb in (photo.rgb, forged)]
        inside = _cropped_mask(mask, photo, margin, size)
        if not inside.any():
            continue
        _, (before, after) = branch.score(crops)
        own.append(_points_inside(after, inside))
        difference.append(_points_inside(after - before, inside))
        centre.append(float(inside[size // 2, size // 2]))
        area.append(float(inside.mean()))
    baselines: dict[str, Sequence[float]] = {"centre": centre, "chance": area}
    return {"map": hit_rate(own, baselines), "change of the map": hit_rate(difference, baselines)}


def _cropped_mask(
    mask: NDArray[np.float32], photo: Photo, margin: float, size: int
) -> NDArray[np.bool_]:
    picture = np.repeat((255 * mask).astype(np.uint8)[..., None], 3, axis=2)
    return np.asarray(crop_face(picture, photo.box, margin, size)[..., 0] > 255 * _INSIDE)


def _points_inside(cam: NDArray[np.float32], inside: NDArray[np.bool_]) -> bool:
    grown = cv2.resize(cam, inside.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return bool(inside.flat[int(np.argmax(grown))])


def splice_game(branch: SpeechNetworkBranch, clips: Sequence[AudioClip], count: int) -> HitRate:
    """Hit rate of the timeline's peak on ``count`` recordings of three bona fide clips of one
    source and one spoofed clip among them, never the first."""
    rng = np.random.default_rng(_SEED)
    real = {
        k: v
        for k, v in grouped([c for c in clips if not c.spoof], lambda c: c.source).items()
        if len(v) >= 3
    }
    spoof = [clip for clip in clips if clip.spoof]
    hits: list[bool] = []
    chance: list[float] = []
    for _ in range(count):
        source = sorted(real)[int(rng.integers(len(real)))]
        chosen = [real[source][k] for k in rng.permutation(len(real[source]))[:3]]
        place = int(rng.integers(1, 4))
        parts = [clip.waveform for clip in chosen]
        parts.insert(place, spoof[int(rng.integers(len(spoof)))].waveform)
        begin = sum(part.size for part in parts[:place])
        end = begin + parts[place].size
        wave = np.concatenate(parts)
        starts = window_starts(wave.size, branch.samples, round(HOP_S * SAMPLE_RATE))
        logits = branch.score([repeat_to(wave[at:], branch.samples) for at in starts])
        within = [begin <= at + branch.samples / 2 < end for at in starts]
        hits.append(within[int(np.argmax(logits))])
        chance.append(float(np.mean(within)))
    return hit_rate(hits, {"a window at random": chance})


def main(arguments: Sequence[str]) -> int:
    """Measure and write; the exit status is 1 when a map does not beat its best baseline, 2 for
    data or weights that cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m ml.evaluation.explanations",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with audio/ and images/")
    parser.add_argument("--landmarks", type=Path, required=True, help="of ml.training.landmarks")
    parser.add_argument("--boxes", type=Path, default=Path("var/training/boxes_images.npz"))
    parser.add_argument("--out", type=Path, default=PUBLISHED)
    parser.add_argument("--weights-dir", type=Path)
    parser.add_argument("--faces", type=int, default=300)
    parser.add_argument("--branches", nargs="+", choices=BRANCHES, default=BRANCHES)
    parser.add_argument("--splices", type=int, default=100)
    options = parser.parse_args(arguments)
    try:
        return publish(options)
    except (ConfigError, MlError, FileNotFoundError) as error:
        print(f"explanations: {error}", file=sys.stderr)
        return 2


def publish(options: argparse.Namespace) -> int:
    """Measure and write ``options.out``; 1 when a map does not beat its best baseline. Raises
    ConfigError, WeightsError, FileNotFoundError."""
    figures: dict[str, HitRate] = {}
    for name, rate in measured(options):
        figures[name] = rate
        words = ", ".join(f"{key} {value:.3f}" for key, value in rate.baselines.items())
        low, high = rate.interval
        print(f"{name}: {rate.rate:.3f} ({low:.3f} to {high:.3f}, n {rate.n}); {words}", flush=True)
    registry = WeightRegistry(options.weights_dir)
    told = {
        name: {"weights_sha256": registry.entry(name.split(",")[0]).sha256, **asdict(rate)}
        for name, rate in figures.items()
    }
    save(told, options.out)
    beaten = all(rate.interval[0] > max(rate.baselines.values()) for rate in figures.values())
    return 0 if beaten else 1


def measured(options: argparse.Namespace) -> Iterator[tuple[str, HitRate]]:
    """Every hit rate as it is known. Raises ConfigError, WeightsError, FileNotFoundError."""
    registry, device = WeightRegistry(options.weights_dir), torch.device("cpu")
    for name in options.branches:
        branch = create_branch(name)
        branch.load(registry, device)
        if isinstance(branch, SpeechNetworkBranch):
            clips = [clip for clip in load_manifest(options.data) if clip.split == "dev"]
            yield f"{name}, splice", splice_game(branch, clips, options.splices)
        elif isinstance(branch, XceptionBranch):
            for what, rate in pointing_game(branch, _faces(options)).items():
                yield f"{name}, {what}", rate


def _faces(options: argparse.Namespace) -> list[Photo]:
    """Real faces of the held-out split whose mesh is known, evenly chosen."""
    photos = load_photos(
        options.data / "images", options.boxes, options.landmarks,
        lambda row: row["split"] == "dev" and row["label"] != "fake",
    )  # fmt: skip
    known = [photo for photo in photos if photo.mesh is not None]
    return known[:: max(1, len(known) // options.faces)][: options.faces]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
