"""Sending what is due, several at a time, and deciding what comes next.

The database is the truth: a delivery is claimed by moving its ``due_at`` into the future, so that
a worker that dies in between leaves it to be sent again. Receivers may therefore see an event
twice and recognise it by its id.

A receiver that hangs delays nobody else: there is one exchange at a time with each endpoint, and
endpoints that took nothing lately get half of the lines at most.
"""

from __future__ import annotations

import json
import random
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta
from typing import Any

import structlog
from django.db import DatabaseError, close_old_connections
from django.db.models import Min, QuerySet
from django.utils import timezone

from accounts.actors import system_actor
from detection.models import NotificationKind
from detection.services import notify
from webhooks import services
from webhooks.events import PING
from webhooks.models import Attempt, Delivery, DeliveryState, Endpoint
from webhooks.sending import Outcome, post
from webhooks.signing import signature
from webhooks.spreading import may_know, spread

# 30 s, 1 min, 2 min … at most six hours apart: twenty attempts are a little over three days.
FIRST_PAUSE_S = 30.0
LONGEST_PAUSE_S = 6 * 3600.0
MOST_ATTEMPTS = 20
# An endpoint that took nothing for so long is switched off, and its owner told.
GIVE_UP_AFTER = timedelta(days=3)
# Longer than one exchange can last.
CLAIMED_FOR = timedelta(seconds=90)
LINES = 8
FAILING_LINES = LINES // 2
# How long news may wait for the next look into the database.
POLL_S = 1.0
GONE = 410

logger = structlog.get_logger(__name__)


class Sender:
    """Exchanges with several endpoints at once. Only the network runs in threads; every row is
    read and written by the caller's."""

    def __init__(self, lines: ThreadPoolExecutor) -> None:
        self._lines = lines
        self._underway: dict[Future[Outcome], Delivery] = {}

    @property
    def busy(self) -> bool:
        return bool(self._underway)

    def take_up(self) -> int:
        """Begin what is due, as far as lines are free; how many deliveries were taken up."""
        taken = [delivery for delivery in self._next() if _claim(delivery)]
        for delivery in taken:
            if _told(delivery):
                self._underway[self._lines.submit(post, *_request(delivery))] = delivery
        return len(taken)

    def settle(self, seconds: float | None = None) -> int:
        """Wait until an exchange ends, or so long; write down what ended; how many did."""
        ended, _ = wait(self._underway, seconds, FIRST_COMPLETED)
        for exchange in ended:
            _settle(self._underway.pop(exchange), exchange.result())
        return len(ended)

    def _next(self) -> Iterator[Delivery]:
        """The longest waiting delivery of each endpoint that is not being spoken with."""
        spoken_with = {one.endpoint_id: one.endpoint for one in self._underway.values()}
        waiting = due().exclude(endpoint__in=spoken_with).order_by()
        endpoints = waiting.values_list("endpoint", "endpoint__failing_since")
        sound: list[uuid.UUID] = []
        failing: list[uuid.UUID] = []
        for key, failing_since, _ in endpoints.annotate(since=Min("due_at")).order_by("since"):
            (sound if failing_since is None else failing).append(key)
        in_vain = sum(one.failing_since is not None for one in spoken_with.values())
        chosen = sound + failing[: max(0, FAILING_LINES - in_vain)]
        for key in chosen[: LINES - len(spoken_with)]:
            yield from due().filter(endpoint=key)[:1]


def due() -> QuerySet[Delivery]:
    """Deliveries that may be sent now, the longest waiting first."""
    return (
        Delivery.objects.filter(
            state=DeliveryState.PENDING, due_at__lte=timezone.now(), endpoint__disabled_at=None
        )
        .select_related("endpoint", "event")
        .order_by("due_at")
    )


def deliver_until(stop: threading.Event) -> None:
    """Spread what happened and send what is due until ``stop``; then end what is under way.

    A database that does not answer for a while is asked again.
    """
    with ThreadPoolExecutor(LINES) as lines:
        sender = Sender(lines)
        while not stop.is_set():
            try:
                _round(sender, stop)
            except DatabaseError as error:
                logger.warning("webhooks_interrupted", reason=str(error))
                stop.wait(POLL_S)
            finally:
                close_old_connections()
        while sender.busy:
            sender.settle()


def deliver_once() -> tuple[int, int]:
    """Spread what happened and send until nothing is due: deliveries made, exchanges had."""
    made, sent = spread(), 0
    with ThreadPoolExecutor(LINES) as lines:
        sender = Sender(lines)
        while sender.take_up() or sender.busy:
            sent += sender.settle()
    return made, sent


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: doubling, with a fifth of jitter."""
    seconds = min(FIRST_PAUSE_S * 2.0 ** (attempts - 1), LONGEST_PAUSE_S)
    return timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311 (no secret)


def body_of(delivery: Delivery) -> dict[str, Any]:
    """What is sent: ids and hashes; the rest is read from the API by whoever may."""
    event = delivery.event
    kind, _, key = event.subject.partition(":")
    return {
        "id": str(event.pk),
        "type": event.type,
        "occurred_at": event.occurred_at.isoformat(),
        "case": str(event.case_id) if event.case_id else None,
        "subject": {"kind": kind.rpartition(".")[2], "id": key},
        "data": event.told,
        "ledger_hash": event.ledger_hash,
    }


def _round(sender: Sender, stop: threading.Event) -> None:
    spread()
    taken = sender.take_up()
    if sender.busy:
        sender.settle(POLL_S)
    elif not taken:
        stop.wait(POLL_S)


def _claim(delivery: Delivery) -> bool:
    """Take the delivery before another worker does."""
    mine = Delivery.objects.filter(
        pk=delivery.pk, state=DeliveryState.PENDING, due_at=delivery.due_at
    ).update(due_at=timezone.now() + CLAIMED_FOR, attempts=delivery.attempts + 1)
    delivery.refresh_from_db()
    return bool(mine)


def _told(delivery: Delivery) -> bool:
    """Whether the owner may still know; otherwise the delivery ends here."""
    if delivery.event.type == PING or may_know(delivery.endpoint, delivery.event):
        return True
    _note(delivery, Outcome(0, error="The owner may no longer see this case."))
    _end(delivery, DeliveryState.FAILED)
    return False


def _request(delivery: Delivery) -> tuple[str, dict[str, str], bytes]:
    body = json.dumps(body_of(delivery), separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "dfd-platform-webhooks/1",
        "DFD-Event": delivery.event.type,
        "DFD-Event-Id": str(delivery.event.pk),
        "DFD-Delivery-Id": str(delivery.pk),
        "DFD-Signature": signature(delivery.endpoint, body, int(time.time())),
    }
    return delivery.endpoint.url, headers, body


def _settle(delivery: Delivery, outcome: Outcome) -> None:
    _note(delivery, outcome)
    endpoint = Endpoint.objects.filter(pk=delivery.endpoint_id)
    if outcome.taken:
        _end(delivery, DeliveryState.DELIVERED)
        endpoint.update(failing_since=None, last_delivered_at=timezone.now())
        return
    endpoint.filter(failing_since=None).update(failing_since=timezone.now())
    delivery.endpoint.refresh_from_db()
    if delivery.attempts >= MOST_ATTEMPTS:
        _end(delivery, DeliveryState.FAILED)
    else:
        delivery.due_at = timezone.now() + pause_after(delivery.attempts)
        delivery.save(update_fields=["due_at"])
    _switch_off_if_hopeless(delivery.endpoint, outcome)


def _switch_off_if_hopeless(endpoint: Endpoint, outcome: Outcome) -> None:
    since = endpoint.failing_since
    too_long = since is not None and since <= timezone.now() - GIVE_UP_AFTER
    if endpoint.disabled_at is not None or not (too_long or outcome.status == GONE):
        return
    reason = "it answered 410 Gone" if outcome.status == GONE else "it took nothing for three days"
    services.disable_endpoint(actor=system_actor("webhooks"), endpoint=endpoint, reason=reason)
    notify(
        recipients=[endpoint.owner],
        kind=NotificationKind.ALERT,
        text=f"The web hook to {endpoint.url} was switched off: {reason}.",
        case=endpoint.case,
    )


def _note(delivery: Delivery, outcome: Outcome) -> None:
    Attempt.objects.create(
        delivery=delivery,
        started_at=timezone.now() - timedelta(milliseconds=outcome.duration_ms),
        duration_ms=outcome.duration_ms,
        status=outcome.status,
        error=outcome.error,
        answer=outcome.answer,
    )
    logger.info(
        "webhook_sent",
        delivery=str(delivery.pk),
        attempt=delivery.attempts,
        status=outcome.status,
        error=outcome.error,
    )


def _end(delivery: Delivery, state: DeliveryState) -> None:
    delivery.state = state
    delivery.save(update_fields=["state"])
