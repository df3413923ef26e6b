"""Is a known shift between lips and sound recovered? ``python -m ml evaluate sync --data FOLDER``.

The sound of every real clip with speech is moved by known numbers of frames; a shift counts as
recovered when the least distance lies within one frame of it, counted from perfect step
(``within_one_frame``) and from where the recording itself was found before it was moved
(``shift_recovered``): a recording may be out of step as it is. ``unseen sources`` are clips whose
source the shipped network was not trained on.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from ml.branches.av_sync import AvSyncBranch
from ml.branches.lip_input import LipInput, lip_input
from ml.evaluation.rates import wilson
from ml.evaluation.reports import read_report, save
from ml.evaluation.store import ScoreStore, file_digest, recipe
from ml.media.plan import DecodePlan
from ml.media.prepare import Preparer
from ml.models.sync_net import FRAME_RATE, REACH
from ml.training.image_data import read_manifest
from ml.weights.registry import WeightRegistry

SHIFTS = (-12, -8, -5, -2, 0, 3, 6, 9, 13)
UNSEEN = ("rizkiarm/LipNet",)
PARTS = ("unseen sources", "trained sources")
TRIALS = "sync_trials.csv"


def evaluate(
    data: Path | None, out: Path, registry: WeightRegistry, store: ScoreStore, limit: int
) -> dict[str, Any]:
    """Write ``sync.json`` and the trials; without ``data`` from the trials in ``out``; ``limit``
    clips for a trial run (0: all). Raises WeightsError, MediaError, FileNotFoundError."""
    out.mkdir(parents=True, exist_ok=True)
    sha256 = registry.entry("av_sync").sha256
    if data is not None:
        write_trials(measure(data / "videos", registry, store, limit), out / TRIALS)
    elif not (out / TRIALS).exists():
        return read_report(out / "sync.json")
    else:
        last = read_report(out / "sync.json")["weights"].get("av_sync", {})
        sha256 = last.get("sha256", sha256)
    trials = read_trials(out / TRIALS)
    sets = [_figures(name, [t for t in trials if t.part == name]) for name in PARTS]
    report = {
        "command": "python -m ml evaluate sync --data DATA",
        "interval": "95 %: Wilson, trials taken as independent",
        "weights": {"av_sync": {"sha256": sha256, "sets": sets}},
    }
    save(report, out / "sync.json")
    return report


@dataclass(frozen=True)
class Trial:
    """One clip with its sound moved by ``shift`` frames and the shift that was ``found``."""

    part: str
    path: str
    source: str
    shift: int
    found: int


def measure(folder: Path, registry: WeightRegistry, store: ScoreStore, limit: int) -> list[Trial]:
    """Every shift of every real clip with speech."""
    branch = AvSyncBranch()
    branch.load(registry, torch.device("cpu"))
    key = recipe(branch, registry, f"shifts {SHIFTS}")
    known = store.known(key)
    preparer = Preparer(torch.device("cpu"))
    rows = [r for r in read_manifest(folder) if r["has_audio"] == "1" and r["label"] == "real"]
    trials = []
    for row in tqdm(rows[:limit] if limit else rows, desc="clips"):
        digest = file_digest(folder / row["path"])
        if digest not in known:
            known[digest] = found_shifts(branch, folder / row["path"], preparer)
            store.keep(key, [(digest, known[digest])])
        if len(known[digest]) != len(SHIFTS):
            continue
        part = PARTS[0] if row["source_repo"] in UNSEEN else PARTS[1]
        for shift, found in zip(SHIFTS, known[digest], strict=True):
            trials.append(Trial(part, row["path"], row["source_repo"], shift, found))
    return trials


def found_shifts(branch: AvSyncBranch, path: Path, preparer: Preparer) -> list[int]:
    """The shift found for each of ``SHIFTS``; fewer for a clip without
    face, speech or enough of both together."""
    media = preparer.prepare(path, DecodePlan(max_frames=8))
    if media.waveform is None or not media.clips or not media.speech:
        return []
    clip, wave, start = media.clips[0], media.waveform, media.audio_start
    late = [lip_input(clip, wave, start + shift / FRAME_RATE) for shift in SHIFTS]
    return [best_shift(branch, lips) for lips in late if lips is not None]


def write_trials(trials: Sequence[Trial], path: Path) -> None:
    """One line a trial."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        lines = csv.writer(stream, lineterminator="\n")
        lines.writerow(Trial.__dataclass_fields__)
        lines.writerows(astuple(trial) for trial in trials)


def read_trials(path: Path) -> list[Trial]:
    """Inverse of ``write_trials``."""
    with path.open(encoding="utf-8", newline="") as stream:
        return [
            Trial(r["part"], r["path"], r["source"], int(r["shift"]), int(r["found"]))
            for r in csv.DictReader(stream)
        ]


def best_shift(branch: AvSyncBranch, lips: LipInput) -> int:
    """The number of frames by which the sound is late where lips and sound fit best."""
    return int(np.nanmean(branch.distances(lips), axis=0).argmin()) - REACH


def _figures(name: str, trials: Sequence[Trial]) -> dict[str, Any]:
    within = sum(abs(trial.found - trial.shift) <= 1 for trial in trials)
    own = {trial.path: trial.found for trial in trials if trial.shift == 0}
    moved = [trial for trial in trials if trial.shift != 0]
    recovered = sum(abs(trial.found - own[trial.path] - trial.shift) <= 1 for trial in moved)
    return {
        "name": name,
        "clips": len({trial.path for trial in trials}),
        "n": len(trials),
        "within_one_frame": within / len(trials) if trials else None,
        "ci": wilson(within, len(trials)) if trials else None,
        "moved": len(moved),
        "shift_recovered": recovered / len(moved) if moved else None,
        "shift_recovered_ci": wilson(recovered, len(moved)) if moved else None,
    }
