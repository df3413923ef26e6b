"""Weight sets as the platform knows them: registered once, let into casework by two people."""

from __future__ import annotations

from accounts.actors import Actor
from detection.models import ModelDecision, ModelVersion


def sync_models(*, actor: Actor) -> list[ModelVersion]:
    """Register every entry of ``ml/weights/registry.toml`` not yet known; return the new rows."""
    raise NotImplementedError


def propose_model(*, actor: Actor, model: ModelVersion, statement: str) -> ModelDecision:
    """Propose a weight set for casework (administrators). Raises PermissionDenied, ModelRefused."""
    raise NotImplementedError


def approve_model(*, actor: Actor, model: ModelVersion, statement: str) -> ModelDecision:
    """Approve somebody else's proposal. ModelRefused(no_proposal, same_person)."""
    raise NotImplementedError


def withdraw_model(*, actor: Actor, model: ModelVersion, statement: str) -> ModelDecision:
    """Take a weight set out of casework; findings already made keep what they recorded."""
    raise NotImplementedError
