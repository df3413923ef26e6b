"""The resident detectors of a worker process: loaded once, hash-checked, used for every job."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import structlog
import torch
from django.conf import settings

from ml.detector import DeepfakeDetector, pick_device
from ml.parameters import Parameters
from ml.pool import BranchPool
from ml.result import AnalysisOutcome

logger = structlog.get_logger(__name__)


class Engine:
    """One detector per profile and device, loaded on first use and then kept.

    Profiles share their branches, so each network is in memory once per device.
    """

    def __init__(self, device: str = "auto", weights_dir: Path | None = None) -> None:
        self.device = device
        self.weights_dir = weights_dir
        self._pools: dict[str, BranchPool] = {}
        self._detectors: dict[tuple[str, str], DeepfakeDetector] = {}

    def load(self, profile: str) -> None:
        """Have ``profile`` ready. Raises ml.errors.WeightsError when a weight cannot be used."""
        self._detector(profile, self.device)

    def weights(self, profile: str) -> dict[str, str]:
        """SHA-256 of the weights of ``profile`` by branch, as loaded."""
        branches = self._detector(profile, self.device).branches
        return {item.name: item.weights_sha256 for item in branches if item.weights_sha256}

    def analyze(
        self,
        path: Path,
        *,
        profile: str,
        parameters: dict[str, Any],
        on_progress: Callable[[str, float], None],
    ) -> AnalysisOutcome:
        """Analyse one file; a GPU that runs out of memory leaves this file to the CPU."""

        def on(device: str) -> AnalysisOutcome:
            detector = self._detector(profile, device)
            checked = Parameters.from_dict(parameters)
            return detector.analyze(path, parameters=checked, on_progress=on_progress)

        try:
            return on(self.device)
        except torch.OutOfMemoryError as error:
            logger.warning("gpu_out_of_memory", path=path.name, reason=str(error))
        # Outside the handler: the traceback would keep the tensors that filled the GPU.
        torch.cuda.empty_cache()
        return on("cpu")

    def _detector(self, profile: str, device: str) -> DeepfakeDetector:
        key = (profile, device)
        if key not in self._detectors:
            self._detectors[key] = DeepfakeDetector(profile=profile, pool=self._pool(device))
        return self._detectors[key]

    def _pool(self, device: str) -> BranchPool:
        """The branches on ``device``, shared by all profiles that use them."""
        if device not in self._pools:
            self._pools[device] = BranchPool(pick_device(device), self.weights_dir)
        return self._pools[device]


@lru_cache(maxsize=1)
def resident() -> Engine:
    """The engine of this process, on the configured device and weights."""
    return Engine(device=settings.DFD.device, weights_dir=settings.DFD.weights_dir)
