"""Loaded branches, shared by every profile that uses them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from ml.branches.base import Branch
from ml.branches.precision import ReducedPrecision
from ml.branches.registry import create_branch
from ml.errors import WeightsCode, WeightsError
from ml.fusion.calibration import Calibrator
from ml.fusion.heads import FusionHeads
from ml.result import MediaKind
from ml.weights.registry import WeightRegistry

FUSION_FILE = Path("calibration/fusion.toml")


@dataclass(frozen=True)
class LoadedBranch:
    """A branch ready to run, or (``branch`` None) the reason why it is not."""

    name: str
    title: str
    modality: MediaKind
    branch: Branch | None
    reason: str = ""
    calibrator: Calibrator | None = None
    video_calibrator: Calibrator | None = None
    weights_sha256: str = ""
    dtype: torch.dtype = torch.float32

    def calibrator_for(self, kind: MediaKind) -> Calibrator | None:
        """What turns a logit of a recording of ``kind`` into a ratio; None before it is fitted."""
        return self.video_calibrator if kind is MediaKind.VIDEO else self.calibrator


class BranchPool:
    """Loads each branch once per device. Not for use from several threads at a time.

    ``dtype`` is that of the networks' bodies, in the branches that offer it
    (``ml.branches.precision``); the others stay in float32.
    """

    def __init__(
        self,
        device: torch.device,
        weights_dir: Path | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.device = device
        self.dtype = dtype
        self.registry = WeightRegistry(weights_dir)
        self.heads = FusionHeads.load(self.registry.folder / FUSION_FILE)
        self._loaded: dict[str, LoadedBranch] = {}

    def get(self, name: str) -> LoadedBranch:
        """The branch called ``name``. A weight that is registered but missing, altered or of
        another shape raises ``WeightsError``; one that was never trained is a reason."""
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def _load(self, name: str) -> LoadedBranch:
        branch = create_branch(name)
        dtype = torch.float32
        if isinstance(branch, ReducedPrecision):
            branch.dtype = dtype = self.dtype
        if not branch.weights:
            branch.load(self.registry, self.device)
            return LoadedBranch(name, branch.title, branch.modality, branch)
        if branch.weights not in self.registry.names():
            reason = f"No trained weights '{branch.weights}' are shipped."
            return LoadedBranch(name, branch.title, branch.modality, None, reason)
        branch.load(self.registry, self.device)
        entry = self.registry.entry(branch.weights)
        return LoadedBranch(
            name,
            branch.title,
            branch.modality,
            branch,
            calibrator=self._calibrator(entry.calibration),
            video_calibrator=self._calibrator(entry.calibration_for(MediaKind.VIDEO)),
            weights_sha256=entry.sha256,
            dtype=dtype,
        )

    def _calibrator(self, file: str) -> Calibrator | None:
        return Calibrator.load(self.registry.folder / file) if file else None


def require_ready(branches: list[LoadedBranch], profile: str) -> None:
    """Raises ``WeightsError(missing)`` when not one scoring branch of a profile can run."""
    if not any(item.branch is not None and item.branch.weights for item in branches):
        reasons = "; ".join(f"{item.name}: {item.reason}" for item in branches if item.reason)
        raise WeightsError(
            WeightsCode.MISSING, f"No branch of profile '{profile}' can run. {reasons}"
        )
