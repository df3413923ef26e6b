"""Fit the fusion heads from the scores of recordings the branches were not trained on.

Branches that listen and branches that look are scored on different collections, each with heads of
its own. How far sound and picture may go together is read from composed recordings: one is real
when both parts are, and a manipulation when the sound, the picture or both are fake. Parts are
drawn without repetition, and versions of one recording count once, so that their number, and with
it the bounds, stays what the data carry.
Inside one modality only recordings that every branch of a set scored are used. Branches that look
are scored, and their heads hold, on videos: sound and picture meet nowhere else.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.branches.registry import create_branch
from ml.errors import CalibrationError
from ml.evaluation.scored import once, read_scores
from ml.fusion.calibration import MIN_PER_CLASS, Calibrator, Floats, elub_bounds
from ml.fusion.heads import FusionHead, FusionHeads, JointBounds, best_supported, fit_heads
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
    data_sha256 = digest.hexdigest()
    heads = (*_fitted(audio, data_sha256), *_fitted(visual, data_sha256))
    joint = joint_bounds(audio, visual, heads, data_sha256)
    if not heads and not joint:
        raise CalibrationError("too_few", "No set of branches was scored on enough recordings.")
    result = FusionHeads(
        tuple(replace(head, calibrators=_hashes(head.branches, calibrators)) for head in heads),
        joint=tuple(replace(b, calibrators=_hashes(b.branches, calibrators)) for b in joint),
    )
    result.save(out)
    return result


def _hashes(branches: Sequence[str], calibrators: Mapping[str, Calibrator]) -> tuple[str, ...]:
    return tuple(calibrators[name].sha256 for name in branches)


def _fitted(table: Table, data_sha256: str) -> tuple[FusionHead, ...]:
    """The heads of one sense; none where too few recordings were scored by several branches."""
    try:
        return fit_heads(table.llrs, table.is_fake, data_sha256=data_sha256).heads
    except CalibrationError:
        return ()


def joint_bounds(
    audio: Table, visual: Table, heads: Sequence[FusionHead], data_sha256: str
) -> tuple[JointBounds, ...]:
    """The bounds of every set of branches that listen with branches that look, of those that can
    be fused within their sense; a set needs 30 composed recordings of each class."""
    found = []
    table = compose(audio, visual)
    for heard in _senses(audio, heads):
        for seen in _senses(visual, heads):
            together = best_supported(_fused(table, heard), _fused(table, seen))
            present = np.isfinite(together)
            is_fake = table.is_fake[present]
            if min(is_fake.sum(), (~is_fake).sum()) < MIN_PER_CLASS:
                continue
            lower, upper = elub_bounds(together[present], is_fake)
            found.append(
                JointBounds(
                    branches=(*heard.branches, *seen.branches),
                    lower=lower if math.isfinite(lower) else 0.0,
                    upper=upper if math.isfinite(upper) else 0.0,
                    n_real=int((~is_fake).sum()),
                    n_fake=int(is_fake.sum()),
                    data_sha256=data_sha256,
                )
            )
    return tuple(found)


def _senses(table: Table, heads: Sequence[FusionHead]) -> list[FusionHead]:
    """Each branch of one sense by itself, and the heads of several."""
    alone = [FusionHead((name,), (1.0,), 0.0, 0.0, 0.0, 0, 0) for name in sorted(table.llrs)]
    return [*alone, *(head for head in heads if set(head.branches) <= table.llrs.keys())]


def _fused(table: Table, head: FusionHead) -> Floats:
    """ln LR (N,) of one sense before bounds, NaN where a branch did not score."""
    parts = [w * table.llrs[name] for name, w in zip(head.branches, head.weights, strict=True)]
    return np.asarray(head.bias + np.sum(parts, axis=0), np.float64)


def read_table(
    scores: Mapping[str, Sequence[Path]], calibrators: Mapping[str, Calibrator]
) -> Table:
    """Join the score files of several branches by recording: path, label and method, since a
    forgery may carry the path of what it was made from."""
    logits: dict[str, dict[tuple[str, bool, str], float]] = {branch: {} for branch in scores}
    for branch, files in scores.items():
        for row in once([row for file in files for row in read_scores(file)]):
            logits[branch][row.path, row.fake, row.method] = row.logit
    recordings = sorted(set().union(*logits.values()))
    llrs = {}
    for branch, own in logits.items():
        values = np.array([own.get(key, np.nan) for key in recordings], np.float64)
        llrs[branch] = np.where(np.isnan(values), np.nan, calibrators[branch].llrs(values))
    return Table(llrs, np.array([fake for _, fake, _ in recordings], bool))


def compose(audio: Table, visual: Table) -> Table:
    """Pair sounds with pictures: both real; or both fake (half of the manipulations), or one of
    them (a quarter each)."""
    generator = np.random.default_rng(_SEED)
    ears = {fake: generator.permutation(np.nonzero(audio.is_fake == fake)[0]) for fake in (0, 1)}
    eyes = {fake: generator.permutation(np.nonzero(visual.is_fake == fake)[0]) for fake in (0, 1)}
    # Of all parts of one kind two thirds meet the same kind, one third the other.
    third = min(len(parts) for sense in (ears, eyes) for parts in sense.values()) // 3
    same, other = slice(0, 2 * third), slice(2 * third, 3 * third)
    pairs = [
        *_zip(ears[0][same], eyes[0][same]),
        *_zip(ears[1][same], eyes[1][same]),
        *_zip(ears[1][other], eyes[0][other]),
        *_zip(ears[0][other], eyes[1][other]),
    ]
    left = np.array([pair[0] for pair in pairs], int)
    right = np.array([pair[1] for pair in pairs], int)
    llrs = {name: values[left] for name, values in audio.llrs.items()}
    llrs |= {name: values[right] for name, values in visual.llrs.items()}
    return Table(llrs, audio.is_fake[left] | visual.is_fake[right])


def _zip(first: NDArray[np.intp], second: NDArray[np.intp]) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in zip(first, second, strict=False)]
