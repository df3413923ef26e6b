"""Weight sets as the platform knows them: registered once, let into casework by two people."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

import rfc8785
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _

from accounts.actors import Actor
from accounts.models import User
from audit.actions import Action
from audit.services import append
from audit.transactions import audited
from detection.errors import ModelRefused
from detection.models import ModelDecision, ModelDecisionKind, ModelVersion

ACTIONS = {
    ModelDecisionKind.PROPOSED: Action.MODEL_PROPOSED,
    ModelDecisionKind.APPROVED: Action.MODEL_APPROVED,
    ModelDecisionKind.WITHDRAWN: Action.MODEL_WITHDRAWN,
}


def sync_models(*, actor: Actor, weights_dir: Path | None = None) -> list[ModelVersion]:
    """Register every entry of the weight registry not yet known; return the new rows.

    Raises ml.errors.WeightsError when the registry cannot be read.
    """
    # Imported here: the registry loads torch, which the web processes do without.
    from ml.weights.registry import WeightRegistry

    registry = WeightRegistry(weights_dir or settings.DFD.weights_dir)
    new = []
    for name in registry.names():
        entry = asdict(registry.entry(name))
        digest = hashlib.sha256(rfc8785.dumps(entry)).hexdigest()
        with audited():
            model, created = ModelVersion.objects.get_or_create(
                description_sha256=digest,
                defaults={
                    "name": name,
                    "sha256": entry["sha256"],
                    "architecture": entry["architecture"],
                    "licence": entry["licence"],
                    "entry": entry,
                },
            )
            if created:
                append(
                    actor=actor,
                    action=Action.MODEL_REGISTERED,
                    subject=model,
                    payload={"name": name, "sha256": model.sha256, "description_sha256": digest},
                )
                new.append(model)
    return new


def propose_model(*, actor: Actor, model: ModelVersion, statement: str) -> ModelDecision:
    """Propose a weight set for casework (administrators). Raises PermissionDenied, ModelRefused."""
    return _decide(actor, _administrator(actor), model, ModelDecisionKind.PROPOSED, statement)


def approve_model(*, actor: Actor, model: ModelVersion, statement: str) -> ModelDecision:
    """Approve somebody else's proposal. ModelRefused(no_proposal, same_person)."""
    person = _administrator(actor)
    latest = model.decisions.last()
    if latest is None or latest.kind != ModelDecisionKind.PROPOSED:
        raise ModelRefused(
            "no_proposal", _("Nobody has proposed %(model)s for casework yet.") % {"model": model}
        )
    if latest.decided_by == person:
        raise ModelRefused(
            "same_person", _("You proposed this weight set; another administrator must approve it.")
        )
    return _decide(actor, person, model, ModelDecisionKind.APPROVED, statement)


def withdraw_model(*, actor: Actor, model: ModelVersion, statement: str) -> ModelDecision:
    """Take a weight set out of casework; findings already made keep what they recorded."""
    return _decide(actor, _administrator(actor), model, ModelDecisionKind.WITHDRAWN, statement)


def all_approved(weights: Iterable[str]) -> bool:
    """Whether every weight file (SHA-256) is approved for casework now; False for none at all."""
    wanted = set(weights)
    latest = ModelDecision.objects.filter(model=OuterRef("pk")).order_by("-created_at", "-pk")
    approved = (
        ModelVersion.objects.filter(sha256__in=wanted)
        .annotate(latest=Subquery(latest.values("kind")[:1]))
        .filter(latest=ModelDecisionKind.APPROVED)
        .values_list("sha256", flat=True)
    )
    return bool(wanted) and wanted == set(approved)


def require_approved(weights: Mapping[str, str]) -> None:
    """ModelRefused(weights_not_approved) where the site demands approval and one of ``weights``
    (SHA-256 by name) has none."""
    if not settings.DFD.require_approved_weights:
        return
    missing = sorted(name for name, sha256 in weights.items() if not all_approved([sha256]))
    if missing:
        raise ModelRefused(
            "weights_not_approved",
            _(
                "This site analyses with approved weights only. Not approved: %(missing)s. "
                "One administrator proposes a weight set and another approves it, under "
                "Weight sets in the administration; choosing another profile may also help."
            )
            % {"missing": ", ".join(missing)},
        )


def registered_weights(branches: Iterable[str]) -> dict[str, str]:
    """SHA-256 of the newest registered weight set of each branch that has one."""
    rows = ModelVersion.objects.filter(name__in=list(branches)).order_by("registered_at")
    return dict(rows.values_list("name", "sha256"))


def _decide(
    actor: Actor, person: User, model: ModelVersion, kind: ModelDecisionKind, statement: str
) -> ModelDecision:
    statement = statement.strip()
    if not statement:
        raise ModelRefused("empty", _("State the grounds of the decision."))
    with audited():
        decision: ModelDecision = ModelDecision.objects.create(
            model=model, kind=kind, decided_by=person, statement=statement
        )
        append(
            actor=actor,
            action=ACTIONS[kind],
            subject=decision,
            payload={"model": str(model.pk), "sha256": model.sha256},
        )
    return decision


def _administrator(actor: Actor) -> User:
    if actor.kind != "user" or actor.user is None or not actor.user.is_administrator:
        raise PermissionDenied(
            _("Only an administrator decides which weight sets casework may use.")
        )
    return actor.user
