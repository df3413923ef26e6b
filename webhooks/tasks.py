"""What the light worker runs for the web hooks."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from webhooks.delivering import deliver_due
from webhooks.models import DeliveryState, Event
from webhooks.spreading import spread

# Long enough to look into what went wrong last month.
KEPT_FOR = timedelta(days=30)
BUDGET_S = 60.0


def deliver() -> dict[str, int]:
    """Spread new events and send what is due; what remains is due in the next round."""
    return {"made": spread(), "sent": deliver_due(BUDGET_S)}


def forget_old() -> int:
    """Drop events of over thirty days with their deliveries and log, unless one still waits."""
    old = Event.objects.filter(occurred_at__lt=timezone.now() - KEPT_FOR)
    waiting = old.filter(deliveries__state=DeliveryState.PENDING)
    return old.exclude(pk__in=waiting.values("pk")).delete()[0]
