"""From the ledger to the endpoints: what happened becomes an event, an event becomes deliveries."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction
from django.utils import timezone

from accounts.actors import Actor, api_key_actor, user_actor
from audit.models import AuditEvent
from cases.models import Case
from webhooks.events import OF_ACTION, TOLD, needed_for
from webhooks.models import Delivery, Endpoint, Event

AT_ONCE = 200


def note_entry(entry: AuditEvent) -> None:
    """Keep what ``entry`` tells, in the entry's own transaction; nothing without endpoints."""
    event_type = OF_ACTION.get(entry.action)
    if event_type is None or not Endpoint.objects.filter(disabled_at=None).exists():
        return
    payload = entry.payload
    Event.objects.create(
        type=event_type,
        case_id=entry.case_id,
        subject=entry.subject,
        told={name: payload[name] for name in TOLD if payload.get(name) not in (None, "")},
        ledger_hash=entry.hash,
        occurred_at=entry.occurred_at,
    )


def spread() -> int:
    """Make a delivery for every endpoint that asked for an event and may know of it; how many."""
    made = 0
    waiting = Event.objects.filter(spread_at=None).order_by("occurred_at")
    for key in list(waiting.values_list("pk", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            # Another worker may have taken the row in between.
            event = Event.objects.select_for_update().filter(pk=key, spread_at=None).first()
            if event is not None:
                made += _spread_one(event)
    return made


def _spread_one(event: Event) -> int:
    now = timezone.now()
    rows = [Delivery(endpoint=endpoint, event=event, due_at=now) for endpoint in _listeners(event)]
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)
    event.spread_at = now
    event.save(update_fields=["spread_at"])
    return len(rows)


def _listeners(event: Event) -> Iterator[Endpoint]:
    endpoints = Endpoint.objects.filter(disabled_at=None).select_related("owner", "api_key__owner")
    for endpoint in endpoints:
        if event.type in endpoint.events and may_know(endpoint, event):
            yield endpoint


def may_know(endpoint: Endpoint, event: Event) -> bool:
    """Whether the endpoint's owner, through the key that made it, may see what the event names."""
    actor = _behind(endpoint)
    if actor is None or event.case_id is None:
        return False
    if endpoint.case_id not in (None, event.case_id):
        return False
    visible = Case.objects.restrict(actor, needed_for(event.type))
    return bool(visible.filter(pk=event.case_id).exists())


def _behind(endpoint: Endpoint) -> Actor | None:
    """On whose behalf the endpoint listens; None once that person or key may nothing any more."""
    if not endpoint.owner.is_active:
        return None
    if endpoint.api_key is None:
        return user_actor(endpoint.owner)
    return api_key_actor(endpoint.api_key) if endpoint.api_key.is_active else None
