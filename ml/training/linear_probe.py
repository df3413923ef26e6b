"""A first read-out of a pretrained encoder: logistic regression on its pooled statistics.

Fine-tuning then starts from a head that already separates the classes, so that its first steps
do not spoil the encoder.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from ml.models.whisper_detector import WhisperDetector
from ml.training.precision import mixed_precision

INVERSE_PENALTY = 1e-3
BATCH = 16


def start_head(
    model: WhisperDetector, windows: Sequence[NDArray[np.float32]], spoof: NDArray[np.bool_]
) -> None:
    """Set the normalisation and the last layer of ``model`` from equally long ``windows``."""
    statistics = pooled_statistics(model, windows)
    mean, deviation = statistics.mean(0), statistics.std(0) + 1e-6
    head = LogisticRegression(C=INVERSE_PENALTY, class_weight="balanced", max_iter=1000)
    head.fit((statistics - mean) / deviation, spoof)
    norm = model.statistics_norm
    assert norm.running_mean is not None
    assert norm.running_var is not None
    with torch.no_grad():
        norm.running_mean.copy_(_tensor(mean))
        norm.running_var.copy_(_tensor(deviation**2))
        model.out_layer.weight.copy_(_tensor(head.coef_))
        model.out_layer.bias.copy_(_tensor(head.intercept_))


def pooled_statistics(
    model: WhisperDetector, windows: Sequence[NDArray[np.float32]]
) -> NDArray[np.float64]:
    """The statistics (N, D) the last layer reads."""
    model.eval()
    parts = []
    with torch.inference_mode(), mixed_precision():
        for start in range(0, len(windows), BATCH):
            batch = torch.from_numpy(np.stack(windows[start : start + BATCH]))
            parts.append(model.statistics(batch).double().numpy())
    return np.concatenate(parts)


def _tensor(values: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32))
