"""Edits in Django admin reach the ledger: each LogEntry brings an entry of its own."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import receiver

from accounts.actors import user_actor
from accounts.models import User
from audit.actions import Action
from audit.services import append

ACTIONS = {
    ADDITION: Action.ADMIN_ADDED,
    CHANGE: Action.ADMIN_CHANGED,
    DELETION: Action.ADMIN_DELETED,
}


@receiver(post_save, sender=LogEntry)
def record_admin_edit(instance: LogEntry, created: bool, **_: Any) -> None:
    """Append who changed which fields of what; the values stay out of the ledger."""
    if not created:
        return
    user = instance.user
    assert isinstance(user, User)
    model = instance.content_type.model_class() if instance.content_type else None
    label = model._meta.label_lower if model else "unknown"
    with transaction.atomic():
        append(
            actor=user_actor(user),
            action=ACTIONS[instance.action_flag],
            subject=f"{label}:{instance.object_id}",
            payload={"changes": instance.get_change_message()},
        )
