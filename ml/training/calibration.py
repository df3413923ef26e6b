"""Fit a branch's calibrator on the scores of sources it was not trained on.

``python -m ml train calibration --branch NAME --scores FILE...``: the files are leave-source-out
scores (``docs/evaluation/*_folds.csv``) or scores of what was never trained on. Platt with both
classes weighted alike or, with ``--kind platt_new_sources``, sources alike too and the slope shrunk
by what left-out sources cost; ELUB bounds, bootstrap by source for the interval. ``--video`` makes
the branch's calibrator for videos, named as such in the registry. ``fit_all`` fits those that the
recipe of ``python -m ml train fusion --config FILE`` names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml.evaluation.scored import once, read_scores
from ml.fusion.calibration import Calibrator, CalibratorKind, fit_calibrator
from ml.training.engine import ConfigError, section

KINDS = (CalibratorKind.PLATT, CalibratorKind.NEW_SOURCES)


@dataclass(frozen=True)
class CalibratorConfig:
    """A table ``[calibrators.NAME]``: what ``fit`` takes; NAME is the branch unless it is told."""

    scores: tuple[str, ...]
    branch: str = ""
    kind: str = CalibratorKind.PLATT
    video: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"unknown kind '{self.kind}' of calibrator; use {', '.join(KINDS)}")


def fit_all(tables: Mapping[str, Mapping[str, Any]], out: Path) -> dict[str, Calibrator]:
    """Write a calibrator for each of ``tables`` as ``fit`` does; returns them by table. Every
    table is read before the first is fitted. Raises as ``fit``, and ConfigError."""
    wanted = {name: section(CalibratorConfig, table) for name, table in tables.items()}
    return {
        name: fit(
            config.branch or name,
            [Path(file) for file in config.scores],
            out,
            CalibratorKind(config.kind),
            video=config.video,
        )
        for name, config in wanted.items()
    }


def fit(
    branch: str,
    files: Sequence[Path],
    out: Path,
    kind: CalibratorKind = CalibratorKind.PLATT,
    *,
    video: bool = False,
) -> Calibrator:
    """Write ``out/branch.toml``, or ``out/branch_video.toml``, and return the calibrator. Raises
    FileNotFoundError, CalibrationError (too few, separable or inverted scores)."""
    digest = hashlib.sha256()
    rows = []
    for file in files:
        digest.update(file.read_bytes())
        rows += read_scores(file)
    rows = once(rows)
    calibrator = fit_calibrator(
        kind,
        np.array([row.logit for row in rows]),
        np.array([row.fake for row in rows]),
        groups=np.array([row.source for row in rows]),
        data_sha256=digest.hexdigest(),
        description=f"scores of sources not trained on: {', '.join(file.name for file in files)}",
    )
    out.mkdir(parents=True, exist_ok=True)
    calibrator.save(out / f"{branch}{'_video' if video else ''}.toml")
    return calibrator
