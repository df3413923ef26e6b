"""Scores of the branches that listen: ``python -m ml evaluate audio --data FOLDER``.

``test``: the dev clips, from sources and mostly generators never trained on; ``test, channel``: the
same after a codec, a telephone band or another sampling rate, for the branches that hear single
windows. ``leave-source-out``: the training clips, as the trainings scored the sources held out of
them (``--folds``), one threshold for all; the calibrators are fitted on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ml.branches.base import Branch
from ml.branches.registry import NAMES, create_branch
from ml.branches.speech_network import SpeechNetworkBranch
from ml.evaluation.scored import Scored
from ml.evaluation.store import ScoreStore, file_digest, recipe
from ml.media.plan import DecodePlan
from ml.media.prepare import Preparer
from ml.media.windows import repeat_to
from ml.result import MediaKind
from ml.training.audio_augmentation import channel
from ml.training.audio_clips import AudioClip, load_manifest
from ml.weights.registry import WeightRegistry

TEST, HOW = "test", "first 4.04 s"
CHANNEL, CHANNEL_HOW = "test, channel", "first 4.04 s after a channel"


def branches(registry: WeightRegistry) -> list[str]:
    """The branches that listen and have weights."""
    return [
        name
        for name in registry.names()
        if name in NAMES and create_branch(name).modality is MediaKind.AUDIO
    ]


def score(
    data: Path, registry: WeightRegistry, store: ScoreStore, limit: int
) -> dict[str, list[Scored]]:
    """Every branch on every clip to test on; ``limit`` clips of each class for a trial (0: all).
    Raises WeightsError, FileNotFoundError."""
    clips = some([clip for clip in load_manifest(data) if clip.split == "dev"], limit)
    files = [data / "audio" / clip.path for clip in clips]
    digests = [file_digest(file) for file in files]
    scored = {}
    for name in branches(registry):
        branch = create_branch(name)
        branch.load(registry, torch.device("cpu"))
        logits = _logits(branch, clips, files, digests, registry, store)
        scored[name] = _rows(TEST, clips, logits)
        if isinstance(branch, SpeechNetworkBranch):
            scored[name] += _after_channel(branch, clips, digests, registry, store)
    return scored


def _rows(part: str, clips: Sequence[AudioClip], logits: Sequence[float | None]) -> list[Scored]:
    """The clips about which there is something to say."""
    return [
        Scored(part, clip.path, clip.spoof, clip.method, clip.source, logit)
        for clip, logit in zip(clips, logits, strict=True)
        if logit is not None
    ]


def _after_channel(
    branch: SpeechNetworkBranch,
    clips: Sequence[AudioClip],
    digests: Sequence[str],
    registry: WeightRegistry,
    store: ScoreStore,
) -> list[Scored]:
    """The clips after a channel that the digest of each draws."""

    def compute(places: Sequence[int]) -> list[float | None]:
        waves = [
            channel(clips[k].waveform, np.random.default_rng(int(digests[k][:16], 16)))
            for k in places
        ]
        return [float(v) for v in branch.score([repeat_to(w, branch.samples) for w in waves])]

    logits = store.values(recipe(branch, registry, CHANNEL_HOW), digests, compute, branch.name)
    return _rows(CHANNEL, clips, logits)


def some(clips: Sequence[AudioClip], limit: int) -> list[AudioClip]:
    """The first ``limit`` clips of each class, all without a limit."""
    if not limit:
        return list(clips)
    return [c for spoof in (False, True) for c in [c for c in clips if c.spoof == spoof][:limit]]


def _logits(
    branch: Branch,
    clips: Sequence[AudioClip],
    files: Sequence[Path],
    digests: Sequence[str],
    registry: WeightRegistry,
    store: ScoreStore,
) -> list[float | None]:
    """A speech network hears the first window of a clip, at once with others; another branch
    gets the clip as an analysis would prepare it, and may have nothing to say (None)."""
    if isinstance(branch, SpeechNetworkBranch):
        windows, samples = branch.score, branch.samples

        def compute(places: Sequence[int]) -> list[float | None]:
            logits = windows([repeat_to(clips[k].waveform, samples) for k in places])
            return [float(logit) for logit in logits]

        return store.values(recipe(branch, registry, HOW), digests, compute, branch.name)
    preparer, plan = Preparer(torch.device("cpu")), DecodePlan()

    def run(places: Sequence[int]) -> list[float | None]:
        return [branch.run(preparer.prepare(files[k], plan)).logit for k in places]

    return store.values(recipe(branch, registry, "whole clip"), digests, run, branch.name)
