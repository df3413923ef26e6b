"""Check the metrics on a public set of countermeasure scores whose answers are known.

``python -m ml evaluate scores --data FOLDER`` reads ``scores/asvspoof5_dev_scores.csv`` (columns
cm_score, sasv_label; label 0 is spoof, the score rises for bona fide).
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from ml.evaluation.metrics import auc, cllr, cllr_min, eer
from ml.fusion.calibration import balanced_logistic

FILE = Path("scores/asvspoof5_dev_scores.csv")
EXPECTED = {
    "auc": 0.9994233616,
    "eer": 0.006205,
    "cllr": 0.0281906,
    "cllr_min": 0.0245369,
    "platt_scale": 1.1463313,
    "platt_offset": -0.1063451,
    "cllr_platt": 0.0272662,
}
TOLERANCE = 1e-6


def check(data: Path) -> dict[str, tuple[float, float, bool]]:
    """Measure -> (found, expected, within 1e-6). Raises FileNotFoundError."""
    with (data / FILE).open(encoding="utf-8", newline="") as stream:
        rows = [
            (float(row["cm_score"]), float(row["sasv_label"])) for row in csv.DictReader(stream)
        ]
    # The roles are swapped on purpose: bona fide plays the part of the class that scores high.
    scores = np.array([score for score, _ in rows])
    high = np.array([label != 0 for _, label in rows])
    weights, offset = balanced_logistic(scores[:, None], high)
    found = {
        "auc": auc(scores, high),
        "eer": eer(scores, high),
        "cllr": cllr(scores, high),
        "cllr_min": cllr_min(scores, high),
        "platt_scale": float(weights[0]),
        "platt_offset": offset,
        "cllr_platt": cllr(weights[0] * scores + offset, high),
    }
    return {
        name: (found[name], expected, abs(found[name] - expected) <= TOLERANCE)
        for name, expected in EXPECTED.items()
    }
