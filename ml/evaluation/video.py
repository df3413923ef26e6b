"""Scores of the branches on videos: ``python -m ml evaluate video --data FOLDER``.

``clips``: every clip through the shipped branches, prepared as an analysis prepares it; branches
that listen hear it too, for the finding of sound and picture. ``clips, face exchanged``: the real
ones again, beside forgeries of them (``forged_clips``). ``leave-source-out``, where the trainings
left such scores (``--folds``): real clips of sources left out of training against generated clips.
Each clip is kept when it is done.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from ml.branches.base import Branch
from ml.branches.registry import NAMES, create_branch
from ml.branches.speech_network import (
    HOP_S,
    MOST_WINDOWS,
    SpeechNetworkBranch,
    speech_windows,
)
from ml.evaluation.forged_clips import forged_clips
from ml.evaluation.held_out import CLIPS
from ml.evaluation.scored import Scored
from ml.evaluation.store import ScoreStore, file_digest, recipe
from ml.media.plan import DecodePlan
from ml.media.prepare import Preparer
from ml.media.prepared import SAMPLE_RATE, PreparedMedia
from ml.media.windows import repeat_to
from ml.profiles.profile import STANDARD, load_profile
from ml.result import MediaKind
from ml.training.image_data import read_manifest
from ml.weights.registry import WeightRegistry

HOW = "whole clip, frames at equal steps"
# Judged by the shift it recovers (ml/evaluation/sync.py), not by a label.
JUDGED_APART = ("av_sync",)
EXCHANGED = "clips, face exchanged"


def branches(registry: WeightRegistry) -> list[str]:
    """The branches with weights: those that look, then those whose ear the finding takes."""
    names = [name for name in registry.names() if name in NAMES and name not in JUDGED_APART]
    usual = load_profile(STANDARD).branches
    return sorted((name for name in names if not listens(name) or name in usual), key=listens)


def listens(name: str) -> bool:
    """Whether the branch hears a recording instead of seeing it."""
    return create_branch(name).modality is MediaKind.AUDIO


def score(
    data: Path, registry: WeightRegistry, store: ScoreStore, limit: int
) -> dict[str, list[Scored]]:
    """Every clip through every branch, the forged ones through those that look; ``limit`` clips
    of each class for a trial (0: all). Raises WeightsError, MediaError, FileNotFoundError."""
    rows = read_manifest(data / "videos")
    if limit:
        rows = [r for label in ("real", "fake") for r in _labelled(rows, label)[:limit]]
    loaded = {name: create_branch(name) for name in branches(registry)}
    for branch in loaded.values():
        branch.load(registry, torch.device("cpu"))
    clips = [(_row(row), data / "videos" / row["path"]) for row in rows]
    scored = _score(clips, loaded, registry, store, "clips")
    looking = {name: branch for name, branch in loaded.items() if not listens(name)}
    with tempfile.TemporaryDirectory() as folder:
        real = _labelled(rows, "real")
        forged = list(forged_clips(real, data / "videos", Path(folder), EXCHANGED))
        for name, own in _score(forged, looking, registry, store, "forged clips").items():
            scored[name] += own
    return scored


def _score(
    recordings: Sequence[tuple[Scored, Path]],
    loaded: Mapping[str, Branch],
    registry: WeightRegistry,
    store: ScoreStore,
    words: str,
) -> dict[str, list[Scored]]:
    """The recordings that each branch can score, with its logit."""
    recipes = {name: recipe(branch, registry, HOW) for name, branch in loaded.items()}
    known = {name: store.known(key) for name, key in recipes.items()}
    preparer = Preparer(torch.device("cpu"))
    scored: dict[str, list[Scored]] = {name: [] for name in loaded}
    for row, path in tqdm(recordings, desc=words):
        digest = file_digest(path)
        missing = {name: loaded[name] for name in loaded if digest not in known[name]}
        for name, logit in logits_of(path, missing, preparer).items():
            store.keep(recipes[name], [(digest, logit)])
            known[name][digest] = logit
        for name in loaded:
            if (logit := known[name][digest]) is not None:
                scored[name].append(replace(row, logit=logit))
    return scored


def logits_of(
    path: Path, loaded: Mapping[str, Branch], preparer: Preparer
) -> dict[str, float | None]:
    """The logit of each branch, None where it is not applicable. Raises MediaError."""
    if not loaded:
        return {}
    media = preparer.prepare(path, DecodePlan(dense_s=0.0))
    return {name: logit_of(branch, media) for name, branch in loaded.items()}


def logit_of(branch: Branch, media: PreparedMedia) -> float | None:
    """The branch's logit. A speech network is not asked for its explanation, which would take
    sixty times as long as the score."""
    if not isinstance(branch, SpeechNetworkBranch):
        return branch.run(media).logit
    wave = media.waveform
    if media.blocked(branch.name) or wave is None or wave.size == 0:
        return None
    hop = max(HOP_S, wave.size / SAMPLE_RATE / MOST_WINDOWS)
    starts = speech_windows(wave.size, media.speech, hop, branch.samples)
    if not starts:
        return None
    windows = [repeat_to(wave[start:], branch.samples) for start in starts]
    return branch.pooled(branch.score(windows))


def _labelled(rows: list[dict[str, str]], label: str) -> list[dict[str, str]]:
    return [row for row in rows if row["label"] == label]


def _row(row: dict[str, str]) -> Scored:
    fake = row["label"] == "fake"
    return Scored(CLIPS, row["path"], fake, row["method"], row["source_repo"], 0.0)
