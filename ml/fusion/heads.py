"""Fusion of branch LLRs: one logistic head for each set of branches that listen, or that look.

A branch that is missing is absent from the sum; its value is never filled in. Weights are not
negative, so more support in a branch never lowers the fused support.

Sound and picture are not summed: a genuine voice does not speak for the face beside it. Of the
three manipulations (sound, picture, both) the best supported one counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from ml.errors import CalibrationError
from ml.fusion.calibration import MIN_PER_CLASS, Floats, elub_bounds
from ml.fusion.toml_file import read_toml, write_toml

_RIDGE = 1e-3


@dataclass(frozen=True)
class FusionHead:
    """ln LR = bias + sum(weight_j * llr_j), bounded to (lower, upper), natural logarithm.

    ``calibrators`` are the hashes of the calibrator files it was fitted behind, in the order of
    ``branches``: it is not valid behind others.
    """

    branches: tuple[str, ...]
    weights: tuple[float, ...]
    bias: float
    lower: float
    upper: float
    n_real: int
    n_fake: int
    data_sha256: str = ""
    calibrators: tuple[str, ...] = ()


@dataclass(frozen=True)
class JointBounds:
    """How far (natural logarithm) ``best_supported`` may go for a set of branches of both senses;
    ``calibrators`` as in a head."""

    branches: tuple[str, ...]
    lower: float
    upper: float
    n_real: int
    n_fake: int
    data_sha256: str = ""
    calibrators: tuple[str, ...] = ()


@dataclass(frozen=True)
class FusionHeads:
    """All heads and joint bounds of one file; ``sha256`` of that file goes into each result."""

    heads: tuple[FusionHead, ...] = ()
    sha256: str = ""
    joint: tuple[JointBounds, ...] = ()

    def find(self, branches: frozenset[str]) -> FusionHead | None:
        """The head fitted for exactly these branches."""
        return next((head for head in self.heads if frozenset(head.branches) == branches), None)

    def find_joint(self, branches: frozenset[str]) -> JointBounds | None:
        """The bounds fitted for exactly these branches of both senses."""
        return next((item for item in self.joint if frozenset(item.branches) == branches), None)

    def save(self, path: Path) -> None:
        """Write the TOML file that ``load`` reads."""
        heads = [asdict(head) for head in self.heads]
        write_toml(path, {"heads": heads, "joint": [asdict(bounds) for bounds in self.joint]})

    @classmethod
    def load(cls, path: Path) -> Self:
        """No file is no heads; ``CalibrationError`` for a file that is not one."""
        if not path.exists():
            return cls()
        table, sha256 = read_toml(path)
        try:
            heads = tuple(FusionHead(**_with_tuples(head)) for head in table["heads"])
            joint = tuple(JointBounds(**_with_tuples(item)) for item in table.get("joint", ()))
        except (TypeError, KeyError) as error:
            raise CalibrationError("unreadable", f"{path} is not a fusion file: {error}") from error
        return cls(heads, sha256, joint)


def _with_tuples(table: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}


def best_supported(sound: Floats, picture: Floats) -> Floats:
    """ln LR (N,) of the best supported manipulation against a genuine recording: of the sound
    alone, of the picture alone, or of both, which are taken to be made independently."""
    return np.maximum(np.maximum(sound, picture), sound + picture)


def fit_heads(
    llrs: dict[str, Floats],
    is_fake: NDArray[np.bool_],
    *,
    accept: Callable[[frozenset[str]], bool] = lambda branches: True,
    data_sha256: str = "",
) -> FusionHeads:
    """Fit every set of two or more branches that has enough recordings with all of them.

    ``llrs`` maps branch to calibrated ln LRs (N,) with NaN where it was not scored. Sets with
    fewer than 30 recordings of either class, and those ``accept`` declines, are left out.
    Raises ``CalibrationError(too_few)`` when no set is left.
    """
    is_fake = np.asarray(is_fake, bool)
    heads = []
    for size in range(2, len(llrs) + 1):
        for branches in combinations(sorted(llrs), size):
            if not accept(frozenset(branches)):
                continue
            features = np.column_stack([llrs[branch] for branch in branches])
            present = np.isfinite(features).all(axis=1)
            labels = is_fake[present]
            if min(labels.sum(), (~labels).sum()) >= MIN_PER_CLASS:
                heads.append(_fit_head(branches, features[present], labels, data_sha256))
    if not heads:
        raise CalibrationError(
            "too_few",
            f"No set of branches was scored together on {MIN_PER_CLASS} recordings of each class.",
        )
    return FusionHeads(tuple(heads))


def _fit_head(
    branches: tuple[str, ...], features: Floats, is_fake: NDArray[np.bool_], data_sha256: str
) -> FusionHead:
    signs = np.where(is_fake, 1.0, -1.0)
    shares = np.where(is_fake, 0.5 / is_fake.sum(), 0.5 / (~is_fake).sum())
    design = np.column_stack([features, np.ones(len(features))])
    neutral = np.append(np.full(len(branches), 1.0 / len(branches)), 0.0)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        margins = signs * (design @ parameters)
        slope = design.T @ (-shares * signs * expit(-margins))
        pull = parameters - neutral
        value = shares @ np.logaddexp(0.0, -margins) + _RIDGE * pull @ pull
        return float(value), slope + 2 * _RIDGE * pull

    limits: list[tuple[float | None, float | None]] = [(0.0, None)] * len(branches)
    found: Any = minimize(
        loss, neutral, jac=True, method="L-BFGS-B", bounds=[*limits, (None, None)]
    )
    lower, upper = elub_bounds(design @ found.x, is_fake)
    return FusionHead(
        branches=branches,
        weights=tuple(found.x[:-1].tolist()),
        bias=float(found.x[-1]),
        lower=lower if math.isfinite(lower) else 0.0,
        upper=upper if math.isfinite(upper) else 0.0,
        n_real=int((~is_fake).sum()),
        n_fake=int(is_fake.sum()),
        data_sha256=data_sha256,
    )
