"""Fit the fusion heads from the scores of recordings the branches were not trained on.

Branches that listen and branches that look are scored on different collections. Their joint
behaviour is composed: a recording with both is real when both parts are, and a manipulation when
the sound, the picture or both are fake. Parts are drawn without repetition, so
that the number of composed recordings, and with it the bounds, stays what the data carry.
Inside one modality only recordings that every branch of a set scored are used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.branches.registry import create_branch
from ml.errors import CalibrationError
from ml.evaluation.scored import read_scores
from ml.fusion.calibration import Calibrator, Floats
from ml.fusion.heads import FusionHead, FusionHeads, fit_heads
from ml.result import MediaKind

_SEED = 0


@dataclass(frozen=True)
class Table:
    """ln LRs (N,) by branch, NaN where not scored, and labels (N,)."""

    llrs: dict[str, Floats]
    is_fake: NDArray[np.bool_]


def fit(
    scores: Mapping[str, Sequence[Path]], calibrators: Mapping[str, Calibrator], out: Path
) -> FusionHeads:
    """Write ``out``. ``scores`` maps branch to its score files. Raises
    ``CalibrationError(too_few)`` when not one set of branches can be fitted."""
    digest = hashlib.sha256()
    for branch in sorted(scores):
        for file in scores[branch]:
            digest.update(file.read_bytes())
    heard = {name for name in scores if create_branch(name).modality is MediaKind.AUDIO}
    audio = read_table({name: scores[name] for name in sorted(heard)}, calibrators)
    visual = read_table({name: scores[name] for name in sorted(set(scores) - heard)}, calibrators)
    heads: list[FusionHead] = []
    for table in (audio, visual, compose(audio, visual)):
        heads += _fitted(table, heard, digest.hexdigest())
    if not heads:
        raise CalibrationError("too_few", "No set of branches was scored on enough recordings.")
    result = FusionHeads(
        tuple(
            replace(head, calibrators=tuple(calibrators[name].sha256 for name in head.branches))
            for head in heads
        )
    )
    result.save(out)
    return result


def _fitted(table: Table, heard: set[str], data_sha256: str) -> tuple[FusionHead, ...]:
    """The heads of one table; a table of both senses serves only sets of both senses."""
    both_senses = bool(heard & table.llrs.keys()) and bool(table.llrs.keys() - heard)

    def accept(names: frozenset[str]) -> bool:
        return not both_senses or bool(names & heard and names - heard)

    try:
        fitted = fit_heads(table.llrs, table.is_fake, accept=accept, data_sha256=data_sha256)
    except CalibrationError:
        return ()
    return fitted.heads


def read_table(
    scores: Mapping[str, Sequence[Path]], calibrators: Mapping[str, Calibrator]
) -> Table:
    """Join the score files of several branches by the recording's path."""
    labels: dict[str, bool] = {}
    logits: dict[str, dict[str, float]] = {branch: {} for branch in scores}
    for branch, files in scores.items():
        for row in (row for file in files for row in read_scores(file)):
            labels[row.path] = row.fake
            logits[branch][row.path] = row.logit
    paths = sorted(labels)
    llrs = {}
    for branch, by_path in logits.items():
        values = np.array([by_path.get(path, np.nan) for path in paths], np.float64)
        llrs[branch] = np.where(np.isnan(values), np.nan, calibrators[branch].llrs(values))
    return Table(llrs, np.array([labels[path] for path in paths], bool))


def compose(audio: Table, visual: Table) -> Table:
    """Pair sounds with pictures: both real; or both fake (half of the manipulations), or one of
    them (a quarter each)."""
    generator = np.random.default_rng(_SEED)
    ears = {fake: generator.permutation(np.nonzero(audio.is_fake == fake)[0]) for fake in (0, 1)}
    eyes = {fake: generator.permutation(np.nonzero(visual.is_fake == fake)[0]) for fake in (0, 1)}
    # Real parts are shared between the real pairs and the two kinds of half-fake pairs.
    number = min(len(ears[0]) // 2, len(eyes[0]) // 2, len(ears[1]) // 2, len(eyes[1]) // 2)
    half = number // 2
    pairs = [
        *_zip(ears[0][:number], eyes[0][:number]),
        *_zip(ears[1][:number], eyes[1][:number]),
        *_zip(ears[1][number : number + half], eyes[0][number : number + half]),
        *_zip(ears[0][number : number + half], eyes[1][number : number + half]),
    ]
    left = np.array([pair[0] for pair in pairs], int)
    right = np.array([pair[1] for pair in pairs], int)
    llrs = {name: values[left] for name, values in audio.llrs.items()}
    llrs |= {name: values[right] for name, values in visual.llrs.items()}
    return Table(llrs, audio.is_fake[left] | visual.is_fake[right])


def _zip(first: NDArray[np.intp], second: NDArray[np.intp]) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in zip(first, second, strict=False)]
