"""What the other rooms tell this one."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from accounts.actors import Actor
from accounts.models import ApiKey
from accounts.signals import account_event
from audit.models import AuditEvent
from audit.signals import entry_appended
from webhooks import services
from webhooks.spreading import note_entry


@receiver(entry_appended)
def keep_what_to_tell(entry: AuditEvent, **_: Any) -> None:
    """An entry of the ledger may be worth telling."""
    note_entry(entry)


@receiver(account_event)
def follow_keys(
    actor: Actor, action: str, subject: object, payload: dict[str, Any], **_: Any
) -> None:
    """The web hooks of a rotated key belong to its successor."""
    if action == "key.rotated" and isinstance(subject, ApiKey):
        services.follow_rotation(actor=actor, old=subject, successor_id=payload["successor"])
