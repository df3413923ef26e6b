"""What the light worker runs for the web hooks, once a day."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from webhooks.models import DeliveryState, Event

# Long enough to look into what went wrong last month.
KEPT_FOR = timedelta(days=30)


def forget_old() -> int:
    """Drop events of over thirty days with their deliveries and log, unless one still waits."""
    old = Event.objects.filter(occurred_at__lt=timezone.now() - KEPT_FOR)
    waiting = old.filter(deliveries__state=DeliveryState.PENDING)
    return old.exclude(pk__in=waiting.values("pk")).delete()[0]
