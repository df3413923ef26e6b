"""A receiver that listens on this machine, and what is sent to it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from accounts.actors import user_actor
from accounts.models import User
from cases.models import Case
from webhooks import services
from webhooks.events import EventType
from webhooks.models import Endpoint


@dataclasses.dataclass
class Receiver:
    """What came in, and how it is answered: statuses in turn, the last one for ever."""

    url: str = ""
    statuses: list[int] = dataclasses.field(default_factory=lambda: [204])
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    answer: bytes = b""
    thinks_s: float = 0.0
    came: list[tuple[dict[str, str], bytes]] = dataclasses.field(default_factory=list)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.came]

    def take(self, headers: dict[str, str], body: bytes) -> int:
        self.came.append((headers, body))
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A real HTTP server on a free port of 127.0.0.1."""
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = state.take(dict(self.headers), body)
            time.sleep(state.thinks_s)
            self.send_response(status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(state.answer)))
            self.end_headers()
            with contextlib.suppress(OSError):  # the caller has read enough
                self.wfile.write(state.answer)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}/hook"
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def inside(receiver: Receiver, settings: Any) -> None:
    """Settings of a house whose receivers are on this machine."""
    port = int(receiver.url.rsplit(":", 1)[1].split("/")[0])
    settings.DFD = dataclasses.replace(
        settings.DFD, webhook_http=True, webhook_ports=(port,), webhook_networks=("127.0.0.0/8",)
    )


@pytest.fixture
def endpoint(inside: None, receiver: Receiver) -> Callable[..., Endpoint]:
    """``endpoint(user, case=…, events=…)``: a web hook that points at the receiver."""

    def make(user: User, case: Case | None = None, events: Any = None) -> Endpoint:
        made, _ = services.create_endpoint(
            actor=user_actor(user),
            url=receiver.url,
            events=events or EventType.values,
            case=case,
        )
        return made

    return make
