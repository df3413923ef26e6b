"""Account events reach the ledger."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.dispatch import receiver

from accounts.actors import Actor
from accounts.signals import account_event
from audit import services
from audit.actions import Action


@receiver(account_event)
def append_account_event(
    sender: object,
    actor: Actor,
    action: str,
    subject: models.Model | str,
    payload: dict[str, Any],
    **_: Any,
) -> None:
    """Append what happened to an account or a key to the global chain."""
    services.append(actor=actor, action=Action(action), subject=subject, payload=payload)
