"""The one Protocol every detector follows, and what it hands back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import torch

from ml.media.prepared import PreparedMedia
from ml.result import BranchStatus, Curve, DerivedArtefact, MediaKind, ScoredItem
from ml.weights.registry import WeightRegistry


@dataclass(frozen=True)
class BranchOutput:
    """One branch's finding on one file.

    ``logit`` is the raw clip-level logit in fp32, positive for FAKE, and is set exactly when
    ``status`` is SCORED. ``face_logits`` maps (``DetectedFace.frame``, ``DetectedFace.track``)
    to the logit of that crop. ``details`` holds plain JSON types only.
    """

    status: BranchStatus
    reason: str = ""
    logit: float | None = None
    items: tuple[ScoredItem, ...] = ()
    curves: tuple[Curve, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
    artefacts: tuple[DerivedArtefact, ...] = ()
    face_logits: dict[tuple[int, int], float] = field(default_factory=dict)

    @classmethod
    def not_applicable(cls, reason: str) -> BranchOutput:
        """The branch has nothing to look at (no face, no speech): an outcome, never a number."""
        return cls(status=BranchStatus.NOT_APPLICABLE, reason=reason)


class Branch(Protocol):
    """A detector: load once, run on many files. Logit > 0 supports FAKE.

    ``weights`` is the registry name, or "" for a branch that needs none. A branch is built
    without arguments by its module's ``create()`` (``ml.branches.registry`` lists the modules).
    """

    name: str
    version: str
    title: str
    modality: MediaKind
    weights: str

    def load(self, registry: WeightRegistry, device: torch.device) -> None:
        """Load the weights onto ``device``. Raises ``WeightsError``; never runs untrained."""
        ...

    def run(self, media: PreparedMedia) -> BranchOutput:
        """Score and explain. Says in the status when the media has nothing to look at."""
        ...
