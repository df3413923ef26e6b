"""Figures of one set of scored recordings, the same for sound, pictures and videos."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml.evaluation.metrics import Floats, auc, cllr, cllr_min, eer
from ml.evaluation.rates import equal_error_threshold, interval, wilson
from ml.fusion.calibration import Calibrator

COLUMNS = ("set", "path", "fake", "method", "source", "logit")


@dataclass(frozen=True)
class Scored:
    """One recording's score: ``part`` is the set it is reported in, ``method`` its generator or
    the kind of photograph or the corpus."""

    part: str
    path: str
    fake: bool
    method: str
    source: str
    logit: float


def figures(name: str, rows: Sequence[Scored], calibrator: Calibrator | None) -> dict[str, Any]:
    """Rates with 95 % intervals and n. The threshold is ln LR 0 when there is a calibrator, else
    the equal error threshold of the set itself, which flatters and is named so."""
    logits: Floats = np.array([row.logit for row in rows])
    is_fake = np.array([row.fake for row in rows])
    equal = equal_error_threshold(logits, is_fake)
    called = calibrator.raw(logits) > 0 if calibrator else logits >= equal
    table: dict[str, Any] = {
        "name": name,
        "n": len(rows),
        "n_real": int((~is_fake).sum()),
        "n_fake": int(is_fake.sum()),
        "auc": auc(logits, is_fake),
        "auc_ci": interval(auc, logits, is_fake),
        "eer": eer(logits, is_fake),
        "eer_ci": interval(eer, logits, is_fake),
        "threshold": "ln LR > 0" if calibrator else "equal error rate of this set",
        "fpr": float(called[~is_fake].mean()),
        "fnr": float((~called)[is_fake].mean()),
        "eer_threshold": equal,
    }
    if calibrator:
        llrs = calibrator.llrs(logits)
        table |= {"cllr": cllr(llrs, is_fake), "cllr_min": cllr_min(llrs, is_fake)}
    for key, fake in (("by_generator", True), ("by_corpus", False)):
        table[key] = [
            _group(method, called[chosen], fake)
            for method in sorted({row.method for row in rows if row.fake == fake})
            if (
                chosen := (is_fake == fake) & np.array([row.method == method for row in rows])
            ).any()
        ]
    return table


def _group(name: str, called: np.ndarray[Any, np.dtype[np.bool_]], fake: bool) -> dict[str, Any]:
    wrong = int((~called if fake else called).sum())
    n = len(called)
    return {"name": name, "n": n, "error": wrong / n, "ci": wilson(wrong, n)}


def write_scores(rows: Sequence[Scored], path: Path) -> None:
    """One line a recording."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(COLUMNS)
        for row in rows:
            table.writerow(
                [row.part, row.path, int(row.fake), row.method, row.source, f"{row.logit:.6f}"]
            )


def read_scores(path: Path) -> list[Scored]:
    """Inverse of ``write_scores``; no file is no scores."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return [
            Scored(
                row["set"],
                row["path"],
                row["fake"] == "1",
                row["method"],
                row["source"],
                float(row["logit"]),
            )
            for row in csv.DictReader(stream)
        ]
