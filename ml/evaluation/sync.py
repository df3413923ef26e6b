"""Is a known shift between lips and sound recovered? ``python -m ml evaluate sync --data FOLDER``.

The sound of every real clip with speech is moved by known numbers of frames; a shift counts as
recovered when the least distance lies within one frame of it. ``unseen sources`` are clips whose
source the shipped network was not trained on.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from ml.branches.av_sync import REACH, AvSyncBranch
from ml.branches.lip_input import MELS_PER_FRAME, LipInput, lip_input
from ml.evaluation.rates import wilson
from ml.media.plan import DecodePlan
from ml.media.prepare import Preparer
from ml.training.image_data import read_manifest
from ml.weights.registry import WeightRegistry

SHIFTS = (-12, -8, -5, -2, 0, 3, 6, 9, 13)
UNSEEN = ("rizkiarm/LipNet",)


def evaluate(data: Path, out: Path, registry: WeightRegistry) -> dict[str, Any]:
    """Write ``sync.json``. Raises WeightsError, MediaError, FileNotFoundError."""
    branch = AvSyncBranch()
    branch.load(registry, torch.device("cpu"))
    trials: dict[str, list[int]] = {"unseen sources": [], "trained sources": []}
    clips: dict[str, int] = dict.fromkeys(trials, 0)
    preparer = Preparer(torch.device("cpu"))
    rows = [r for r in read_manifest(data / "videos") if r["has_audio"] == "1"]
    for row in tqdm([r for r in rows if r["label"] == "real"], desc="clips"):
        media = preparer.prepare(data / "videos" / row["path"], DecodePlan(max_frames=8))
        if media.waveform is None or not media.clips or not media.speech:
            continue
        lips = lip_input(media.clips[0], media.waveform, media.audio_start)
        if lips is None:
            continue
        part = "unseen sources" if row["source_repo"] in UNSEEN else "trained sources"
        clips[part] += 1
        trials[part] += [recovered(branch, lips, shift) - shift for shift in SHIFTS]
    report = {
        "command": "python -m ml evaluate sync --data DATA",
        "interval": "95 %: Wilson, trials taken as independent",
        "weights": {
            "av_sync": {
                "sha256": registry.entry("av_sync").sha256,
                "sets": [_figures(name, errors, clips[name]) for name, errors in trials.items()],
            }
        },
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "sync.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def recovered(branch: AvSyncBranch, lips: LipInput, shift: int) -> int:
    """The shift, in frames, at which a sound made ``shift`` frames late fits best."""
    moved = np.roll(lips.mels, shift * MELS_PER_FRAME, axis=0)
    distances = branch.distances(LipInput(lips.mouths, moved, lips.t))
    edge = abs(shift)
    inner = distances[edge : len(distances) - edge] if len(distances) > 3 * edge else distances
    return int(np.nanmean(inner, axis=0).argmin()) - REACH


def _figures(name: str, errors: list[int], clips: int) -> dict[str, Any]:
    within = int((np.abs(errors) <= 1).sum())
    return {
        "name": name,
        "clips": clips,
        "n": len(errors),
        "within_one_frame": within / len(errors) if errors else None,
        "ci": wilson(within, len(errors)) if errors else None,
    }
