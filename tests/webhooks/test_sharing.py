"""The lines are shared: receivers that hang delay neither each other nor those that answer."""

from __future__ import annotations

import dataclasses
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.utils import timezone

from accounts.actors import user_actor
from accounts.models import User
from tests.webhooks.conftest import Receiver
from webhooks import delivering, sending, services
from webhooks.models import Delivery, Endpoint

pytestmark = pytest.mark.django_db
MANY = 50


@pytest.fixture
def hanging(settings: Any, inside: None, monkeypatch: Any) -> Iterator[Callable[[User], Endpoint]]:
    """``hanging(user)``: a web hook to a receiver that takes connections and says nothing.

    The deadline is short, so that tests end."""
    monkeypatch.setattr(sending, "DEADLINE_S", 2.0)
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        port = server.getsockname()[1]
        settings.DFD = dataclasses.replace(
            settings.DFD, webhook_ports=(*settings.DFD.webhook_ports, port)
        )

        def make(user: User) -> Endpoint:
            made, _ = services.create_endpoint(
                actor=user_actor(user), url=f"http://127.0.0.1:{port}/", events=["case.closed"]
            )
            return made

        yield make


@pytest.fixture
def sender() -> Iterator[delivering.Sender]:
    with ThreadPoolExecutor(delivering.LINES) as lines:
        yield delivering.Sender(lines)


def ping(user: User, endpoint: Endpoint, times: int = 1) -> None:
    for _ in range(times):
        services.ping(actor=user_actor(user), endpoint=endpoint)


def test_one_that_hangs_takes_one_line_and_delays_nobody(
    alice: User, hanging: Any, endpoint: Any, receiver: Receiver, sender: delivering.Sender
) -> None:
    slow, quick = hanging(alice), endpoint(alice)
    ping(alice, slow, MANY)
    ping(alice, quick, 5)
    started = time.monotonic()
    while len(receiver.came) < 5:
        sender.take_up()
        sender.settle(1.0)

    assert time.monotonic() - started < sending.DEADLINE_S
    assert Delivery.objects.filter(endpoint=slow, attempts=1).count() == 1


def test_those_that_failed_get_half_of_the_lines(
    alice: User, bob: User, hanging: Any, endpoint: Any, receiver: Receiver,
    sender: delivering.Sender,
) -> None:  # fmt: skip
    for _ in range(delivering.LINES + 2):
        ping(alice, hanging(alice), 2)
    Endpoint.objects.update(failing_since=timezone.now())
    quick = endpoint(bob)
    ping(bob, quick)

    assert sender.take_up() == delivering.FAILING_LINES + 1
    assert sender.take_up() == 0
    sender.settle(1.0)
    assert quick.deliveries.get().state == "delivered"


def test_deliveries_to_one_receiver_go_one_after_the_other_oldest_first(
    alice: User, endpoint: Any, receiver: Receiver
) -> None:
    ping(alice, endpoint(alice), 12)
    expected = [
        str(pk) for pk in Delivery.objects.order_by("due_at").values_list("event", flat=True)
    ]

    assert delivering.deliver_once() == (0, 12)
    assert [body["id"] for body in receiver.bodies] == expected


@pytest.mark.django_db(transaction=True)
def test_the_worker_ends_what_is_under_way_and_begins_nothing_more(
    alice: User, endpoint: Any, receiver: Receiver
) -> None:
    receiver.thinks_s = 0.5
    ping(alice, endpoint(alice), 3)
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()

    delivering.deliver_until(stop)

    states = sorted(Delivery.objects.values_list("state", flat=True))
    assert states == ["delivered", "pending", "pending"]
