"""The Python client against the running platform, over lines that can be disturbed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from dfd_client import Client
from tests.live import LivePlatform
from tests.queue.media import picture

Disturb = Callable[[httpx.Request, Callable[[], httpx.Response]], httpx.Response]


class Line(httpx.HTTPTransport):
    """A real connection on which ``disturb(request, go_on)`` may break or change what passes."""

    def __init__(self, disturb: Disturb | None = None) -> None:
        super().__init__()
        self.disturb = disturb
        self.passed: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.passed.append(request)
        handle = super().handle_request
        if self.disturb is None:
            return handle(request)
        return self.disturb(request, lambda: handle(request))


@pytest.fixture(scope="package")
def key(live_platform: LivePlatform) -> str:
    """The administrator's key with every scope."""
    return live_platform.manage("create_api_key", "admin").strip()


@pytest.fixture
def connect(live_platform: LivePlatform, key: str) -> Iterator[Callable[..., Client]]:
    """``connect(disturb)``: a client on a line of its own."""
    opened: list[Client] = []

    def make(disturb: Disturb | None = None, plaintext: str = key) -> Client:
        opened.append(Client(live_platform.url, plaintext, transport=Line(disturb)))
        return opened[-1]

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def client(connect: Callable[..., Client]) -> Client:
    """On a good line."""
    return connect()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A picture that is new to the platform."""
    file = tmp_path / "photo.png"
    file.write_bytes(picture(abs(hash(str(tmp_path))) % 10_000))
    return file
