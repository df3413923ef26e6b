"""Refused requests are account events, unless somebody who knew more recorded them already."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest

from accounts.actors import Actor
from accounts.errors import RecordedRefusal
from accounts.models import User
from accounts.signals import account_event


def record_refusal(request: HttpRequest, actor: Actor, refusal: PermissionDenied) -> None:
    """Send ``permission.denied`` for ``refusal``; nothing for a RecordedRefusal."""
    if isinstance(refusal, RecordedRefusal):
        return
    with transaction.atomic():
        account_event.send(
            sender=User,
            actor=actor,
            action="permission.denied",
            subject=f"page:{request.path}"[:200],
            payload={"method": request.method or ""},
        )
