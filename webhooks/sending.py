"""One POST to one checked address: no redirects, no proxies, a deadline and a bounded answer."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from webhooks.errors import WebhookRefused
from webhooks.guard import Target, resolve

# For connecting, and for the whole exchange.
CONNECT_S = 5.0
DEADLINE_S = 15.0
KEPT_BYTES = 1000


@dataclass(frozen=True)
class Outcome:
    """What came back: a status with the answer's beginning, or the reason why none came."""

    duration_ms: int
    status: int | None = None
    answer: str = ""
    error: str = ""

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class _Pinned(http.client.HTTPConnection):
    """Connects to the checked address and lets TLS prove that it is ``target.host``."""

    def __init__(self, target: Target) -> None:
        super().__init__(target.host, target.port)
        self._target = target
        # http.client forgets its socket while the answer's body is still being read.
        self._line: socket.socket | None = None
        self.was_cut = False

    def connect(self) -> None:
        self._line = self.sock = socket.create_connection(
            (self._target.address, self._target.port), timeout=CONNECT_S
        )
        if self._target.secure:
            context = ssl.create_default_context()
            self._line = self.sock = context.wrap_socket(
                self.sock, server_hostname=self._target.host
            )
        self.sock.settimeout(DEADLINE_S)

    def cut(self) -> None:
        """End the exchange from another thread: the waiting read or write fails."""
        self.was_cut = True
        if self._line is not None:
            with contextlib.suppress(OSError):  # it has ended by itself
                self._line.shutdown(socket.SHUT_RDWR)


def post(url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
    """Send ``body`` to ``url``; never raises for what the other side does."""
    started = time.monotonic()
    try:
        status, answer = _exchange(resolve(url), headers, body)
        return Outcome(_since(started), status, answer)
    except WebhookRefused as refusal:
        return Outcome(_since(started), error=refusal.message)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = str(error) or type(error).__name__
        if time.monotonic() - started >= DEADLINE_S:
            reason = f"no complete answer within {DEADLINE_S:.0f} seconds"
        return Outcome(_since(started), error=reason[:300])


def _exchange(target: Target, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
    connection = _Pinned(target)
    # Time-outs of the socket start anew with every byte; this one does not.
    deadline = threading.Timer(DEADLINE_S, connection.cut)
    deadline.start()
    try:
        connection.request(
            "POST", target.path, body=body, headers={"Host": target.host_header, **headers}
        )
        response = connection.getresponse()
        answer = _text(response.read(KEPT_BYTES))
        if connection.was_cut:  # what was read looks complete, but ended where we cut it
            raise TimeoutError(f"no complete answer within {DEADLINE_S:.0f} seconds")
        return response.status, answer
    finally:
        deadline.cancel()
        connection.close()


def _text(content: bytes) -> str:
    """Printable text; PostgreSQL refuses NUL, and pages show no control characters."""
    text = content.decode("utf-8", "replace")
    return "".join(
        c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def _since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)
