"""Setting up endpoints: make, change, rotate, switch off and on, delete, try out, send again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import PermissionDenied
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import peppers
from accounts.actors import Actor
from accounts.models import ApiKey, User
from accounts.scopes import Scope
from audit.actions import Action
from audit.services import append
from audit.transactions import audited
from cases.models import Case
from webhooks import guard
from webhooks.errors import WebhookRefused
from webhooks.events import PING, EventType
from webhooks.models import Delivery, DeliveryState, Endpoint, Event
from webhooks.signing import secret_of

MOST_PER_PERSON = 20


def create_endpoint(
    *, actor: Actor, url: str, events: Iterable[str], case: Case | None = None
) -> tuple[Endpoint, str]:
    """Make an endpoint and return it with its secret, which is shown this once.

    Without ``case`` it is told of every case that its owner (or the key that makes it) may see.
    Raises PermissionDenied and WebhookRefused (``url``, ``events``, ``too_many``).
    """
    owner = _manager(actor)
    chosen = _checked_events(events)
    guard.resolve(url)
    if Endpoint.objects.filter(owner=owner).count() >= MOST_PER_PERSON:
        raise WebhookRefused(
            "too_many",
            _("You have %(most)s web hooks; delete one first.") % {"most": MOST_PER_PERSON},
        )
    with audited():
        endpoint: Endpoint = Endpoint.objects.create(
            owner=owner,
            api_key=actor.api_key,
            case=case,
            url=url,
            events=chosen,
            pepper_version=peppers.current_version(),
        )
        _record(actor, Action.WEBHOOK_CREATED, endpoint, _facts(endpoint))
    return endpoint, secret_of(endpoint)


def change_endpoint(
    *, actor: Actor, endpoint: Endpoint, url: str, events: Iterable[str]
) -> Endpoint:
    """Point it elsewhere or ask for other events. Raises as ``create_endpoint``."""
    _require_control(actor, endpoint)
    chosen = _checked_events(events)
    guard.resolve(url)
    with audited():
        endpoint.url, endpoint.events = url, chosen
        endpoint.save(update_fields=["url", "events"])
        _record(actor, Action.WEBHOOK_CHANGED, endpoint, _facts(endpoint))
    return endpoint


def rotate_secret(*, actor: Actor, endpoint: Endpoint) -> str:
    """Give it a new secret, shown this once; the old one signs along for a day."""
    _require_control(actor, endpoint)
    with audited():
        fresh: Endpoint = Endpoint.objects.select_for_update().get(pk=endpoint.pk)
        fresh.generation += 1
        fresh.rotated_at = timezone.now()
        fresh.save(update_fields=["generation", "rotated_at"])
        _record(actor, Action.WEBHOOK_ROTATED, fresh, {"generation": fresh.generation})
    return secret_of(fresh)


def disable_endpoint(*, actor: Actor, endpoint: Endpoint, reason: str) -> None:
    """Send it nothing more until it is switched on again; a second call changes nothing."""
    _require_control(actor, endpoint)
    with audited():
        fresh: Endpoint = Endpoint.objects.select_for_update().get(pk=endpoint.pk)
        if fresh.disabled_at is not None:
            return
        fresh.disabled_at, fresh.disabled_reason = timezone.now(), reason[:200]
        fresh.save(update_fields=["disabled_at", "disabled_reason"])
        _record(actor, Action.WEBHOOK_DISABLED, fresh, {"reason": fresh.disabled_reason})


def enable_endpoint(*, actor: Actor, endpoint: Endpoint) -> None:
    """Send again: what waited is due now. Raises WebhookRefused when its address is not allowed."""
    _require_control(actor, endpoint)
    guard.resolve(endpoint.url)
    with audited():
        endpoint.disabled_at, endpoint.disabled_reason, endpoint.failing_since = None, "", None
        endpoint.save(update_fields=["disabled_at", "disabled_reason", "failing_since"])
        _record(actor, Action.WEBHOOK_ENABLED, endpoint, {})


def delete_endpoint(*, actor: Actor, endpoint: Endpoint) -> None:
    """Take it away with its delivery log."""
    _require_control(actor, endpoint)
    with audited():
        endpoint.delete()
        _record(actor, Action.WEBHOOK_DELETED, endpoint, {})


def ping(*, actor: Actor, endpoint: Endpoint) -> Delivery:
    """Send a test event to this endpoint alone."""
    _require_control(actor, endpoint)
    now = timezone.now()
    event = Event.objects.create(
        type=PING, subject=_subject(endpoint), occurred_at=now, spread_at=now
    )
    made: Delivery = Delivery.objects.create(endpoint=endpoint, event=event, due_at=now)
    return made


def redeliver(*, actor: Actor, delivery: Delivery) -> Delivery:
    """Send it once more under the same event id, whatever became of it before."""
    _require_control(actor, delivery.endpoint)
    if delivery.endpoint.disabled_at is not None:
        raise WebhookRefused("disabled", _("This web hook is switched off; switch it on first."))
    delivery.state, delivery.due_at, delivery.attempts = DeliveryState.PENDING, timezone.now(), 0
    delivery.save(update_fields=["state", "due_at", "attempts"])
    return delivery


def follow_rotation(*, actor: Actor, old: ApiKey, successor_id: str) -> None:
    """Let the endpoints of a rotated key go on under its successor."""
    for endpoint in Endpoint.objects.filter(api_key=old):
        with audited():
            endpoint.api_key_id = successor_id
            endpoint.save(update_fields=["api_key"])
            _record(actor, Action.WEBHOOK_CHANGED, endpoint, {"api_key": successor_id})


def _manager(actor: Actor) -> User:
    """The person who may set up web hooks as ``actor``. Raises PermissionDenied."""
    if actor.user is None or not actor.has_scope(Scope.CASE_WRITE):
        raise PermissionDenied(_("This API key may not set up web hooks; it needs case:write."))
    return actor.user


def _require_control(actor: Actor, endpoint: Endpoint) -> None:
    """The owner, by a key only what that key made; the platform itself."""
    if actor.kind == "system":
        return
    if _manager(actor).pk != endpoint.owner_id:
        raise PermissionDenied(_("You may change your own web hooks only."))
    if actor.api_key is not None and actor.api_key.pk != endpoint.api_key_id:
        raise PermissionDenied(_("This API key may change the web hooks that it made only."))


def _checked_events(events: Iterable[str]) -> list[str]:
    chosen = sorted(set(events))
    unknown = [name for name in chosen if name not in EventType.values]
    if unknown or not chosen:
        known = ", ".join(EventType.values)
        raise WebhookRefused(
            "events", _("Choose at least one of these events: %(known)s.") % {"known": known}
        )
    return chosen


def _record(actor: Actor, action: Action, endpoint: Endpoint, payload: dict[str, Any]) -> None:
    append(actor=actor, action=action, subject=endpoint, case_id=endpoint.case_id, payload=payload)


def _facts(endpoint: Endpoint) -> dict[str, Any]:
    # The path of an address may hold a token of the other side.
    return {
        "host": urlsplit(endpoint.url).hostname,
        "url_sha256": hashlib.sha256(endpoint.url.encode()).hexdigest(),
        "events": endpoint.events,
        "owner": str(endpoint.owner_id),
    }


def _subject(endpoint: Endpoint) -> str:
    return f"{endpoint._meta.label_lower}:{endpoint.pk}"
