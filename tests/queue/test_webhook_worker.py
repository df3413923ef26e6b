"""The worker of the web hooks as a process: it sends what other processes note, and stops."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from accounts.actors import user_actor
from accounts.models import User
from tests.queue.conftest import wait_until
from tests.webhooks.conftest import Receiver, endpoint, inside, receiver
from webhooks import services

__all__ = ["endpoint", "inside", "receiver"]
pytestmark = pytest.mark.queue


def test_a_ping_of_another_process_is_sent(
    manage: Callable[..., Any], endpoint: Any, receiver: Receiver, alice: User
) -> None:
    hook = endpoint(alice)
    port = receiver.url.rsplit(":", 1)[1].split("/")[0]
    worker = manage(
        "webhook_worker",
        env={
            "DFD_WEBHOOK_HTTP": "True",
            "DFD_WEBHOOK_NETWORKS": "127.0.0.0/8",
            "DFD_WEBHOOK_PORTS": port,
        },
    )
    worker.wait_for("worker ready")

    services.ping(actor=user_actor(alice), endpoint=hook)

    wait_until(lambda: hook.deliveries.get().state == "delivered", "the ping to arrive")
    assert [body["type"] for body in receiver.bodies] == ["ping"]
    assert worker.stop() == os.EX_OK, worker.output
