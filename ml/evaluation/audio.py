"""Error rates of the audio branches, and of their fusion, on sources they were not trained on.

``python -m ml evaluate audio --data FOLDER`` scores the dev clips (test) and the fold of training
sources that was held out for calibration, through the very branches that ship. It writes
``audio.json`` (figures) and, for each branch, ``NAME_scores.csv`` and ``NAME_folds.csv`` (one line
a clip of the test and of the calibration part).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ml.branches.registry import create_branch
from ml.branches.speech_network import SAMPLES, SpeechNetworkBranch
from ml.errors import WeightsCode, WeightsError
from ml.evaluation.rates import RESAMPLES
from ml.evaluation.scored import Scored, figures, write_scores
from ml.fusion.calibration import Calibrator, CalibratorKind
from ml.fusion.heads import FusionHead, FusionHeads
from ml.media.windows import repeat_to
from ml.pool import FUSION_FILE
from ml.training.audio_clips import AudioClip, leave_source_out, load_manifest
from ml.weights.registry import WeightRegistry

BRANCHES = ("aasist", "whisper")
CALIBRATION_FOLD = 4
FOLDS = 5


def parts(clips: Sequence[AudioClip]) -> dict[str, tuple[AudioClip, ...]]:
    """The clips to calibrate on and to test on. No source is in both, none was trained on."""
    given = [clip for clip in clips if clip.split == "train"]
    fold_of = leave_source_out(given, FOLDS)
    return {
        "calibration": tuple(c for c in given if fold_of[c.source] == CALIBRATION_FOLD),
        "test": tuple(clip for clip in clips if clip.split == "dev"),
    }


def loaded(name: str, registry: WeightRegistry) -> SpeechNetworkBranch:
    """The branch called ``name`` with its weights, on the CPU. Raises WeightsError."""
    branch = create_branch(name)
    if not isinstance(branch, SpeechNetworkBranch):
        raise TypeError(f"{name} does not listen to speech")
    branch.load(registry, torch.device("cpu"))
    return branch


def score(branch: SpeechNetworkBranch, part: str, clips: Sequence[AudioClip]) -> list[Scored]:
    """The logit of the first 4.04 s of each clip."""
    logits = branch.score([repeat_to(clip.waveform, SAMPLES) for clip in clips])
    return [
        Scored(
            part,
            clip.path,
            clip.spoof,
            clip.generator if clip.spoof else corpus_name(clip),
            clip.source,
            float(logit),
        )
        for clip, logit in zip(clips, logits, strict=True)
    ]


def corpus_name(clip: AudioClip) -> str:
    """The corpus of a bona fide clip without its subset ("LibriSpeech test-other")."""
    return clip.corpus.split()[0] if clip.corpus else clip.source


def evaluate(data: Path, out: Path, registry: WeightRegistry) -> dict[str, Any]:
    """Measure every audio branch that has weights and write the files. Returns the figures."""
    out.mkdir(parents=True, exist_ok=True)
    held_out = parts(load_manifest(data))
    scored: dict[str, dict[str, list[Scored]]] = {}
    for name in (name for name in BRANCHES if name in registry.names()):
        branch = loaded(name, registry)
        scored[name] = {part: score(branch, part, clips) for part, clips in held_out.items()}
        write_scores(scored[name]["calibration"], out / f"{name}_folds.csv")
        write_scores(scored[name]["test"], out / f"{name}_scores.csv")
    report = summarise(scored, registry)
    (out / "audio.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def summarise(
    scored: Mapping[str, Mapping[str, Sequence[Scored]]], registry: WeightRegistry
) -> dict[str, Any]:
    """Figures of every branch and, where its head is fitted, of their fusion; ``scored`` maps
    branch and part to the same clips in the same order."""
    weights: dict[str, Any] = {}
    for name, sets in scored.items():
        calibrator = calibration_of(name, registry)
        weights[name] = {
            "sha256": registry.entry(name).sha256,
            "sets": [figures(part, rows, calibrator) for part, rows in sets.items()],
        }
    head = FusionHeads.load(registry.folder / FUSION_FILE).find(frozenset(scored))
    if head is not None:
        weights["+".join(sorted(scored))] = {"sets": fused_figures(scored, head, registry)}
    return {
        "command": "python -m ml evaluate audio --data DATA",
        "interval": f"95 %: {RESAMPLES} bootstrap resamples of clips, Wilson for shares",
        "weights": weights,
    }


def fused_figures(
    scored: Mapping[str, Mapping[str, Sequence[Scored]]],
    head: FusionHead,
    registry: WeightRegistry,
) -> list[dict[str, Any]]:
    """Figures of the fused ln LR: the calibrated ln LRs of the branches, weighted by ``head``."""
    bounds = Calibrator(CalibratorKind.PLATT, head.lower, head.upper, head.n_real, head.n_fake)
    sets = []
    for part, template in scored[head.branches[0]].items():
        total = np.full(len(template), head.bias)
        for name, weight in zip(head.branches, head.weights, strict=True):
            calibrator = calibration_of(name, registry)
            if calibrator is None:
                raise WeightsError(WeightsCode.MISSING, f"'{name}' is fused but not calibrated.")
            total += weight * calibrator.llrs(np.array([row.logit for row in scored[name][part]]))
        rows = [replace(row, logit=float(llr)) for row, llr in zip(template, total, strict=True)]
        sets.append(figures(part, rows, bounds))
    return sets


def calibration_of(name: str, registry: WeightRegistry) -> Calibrator | None:
    """The fitted calibrator of a weight, None before there is one."""
    file = registry.entry(name).calibration
    return Calibrator.load(registry.folder / file) if file else None
