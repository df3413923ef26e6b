"""Clients that speak to the API as a person or with a key."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.utils import timezone
from PIL import Image
from redis.exceptions import ConnectionError as RedisGone
from rest_framework.test import APIClient

from accounts.actors import user_actor
from accounts.models import User
from accounts.scopes import Scope
from accounts.services import create_api_key
from cases.models import Case, Exhibit
from tests.cases.media import recording, wav_bytes

EVERY_SCOPE = tuple(scope.value for scope in Scope)


def png(shade: int = 120) -> bytes:
    """A small grey picture; another shade is another file."""
    stream = io.BytesIO()
    Image.new("RGB", (64, 48), (shade, shade, shade)).save(stream, "PNG")
    return stream.getvalue()


def upload(content: bytes, name: str = "photo.png") -> Any:
    """An upload as a multipart field."""
    stream = io.BytesIO(content)
    stream.name = name
    return stream


@contextmanager
def no_redis() -> Iterator[None]:
    """Nobody listens where Redis is looked for, whatever server another test started."""

    def gone(*_: Any, **__: Any) -> Any:
        raise RedisGone("nobody listens")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redis.connection.Connection, "connect", gone)
        patch.setattr(redis.connection.UnixDomainSocketConnection, "connect", gone)
        yield


@pytest.fixture
def contents(tmp_path: Path) -> dict[str, bytes]:
    """A recording of each kind."""
    film = recording(tmp_path / "film.mp4", video="mpeg4").read_bytes()
    return {"audio": wav_bytes(), "image": png(), "video": film}


@pytest.fixture
def key() -> Callable[..., str]:
    """``key(user, *scopes, case=…)``: the plaintext of a new API key; all scopes by default."""

    def make(user: User, *scopes: str, case: Case | None = None, **options: Any) -> str:
        _, plaintext = create_api_key(
            actor=user_actor(user),
            owner=user,
            name="test",
            scopes=scopes or EVERY_SCOPE,
            expires_at=timezone.now() + timedelta(days=1),
            case_id=case.pk if case else None,
            **options,
        )
        return plaintext

    return make


@pytest.fixture
def client_with(key: Callable[..., str]) -> Callable[..., APIClient]:
    """``client_with(user, *scopes, case=…)``: a client that sends a new key."""

    def make(user: User, *scopes: str, case: Case | None = None, **headers: str) -> APIClient:
        plaintext = key(user, *scopes, case=case)
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}", **headers)
        return client

    return make


@pytest.fixture
def api(alice: User, client_with: Callable[..., APIClient]) -> APIClient:
    """Alice with a key that may do everything a key can."""
    return client_with(alice)


@pytest.fixture
def exhibit(alice: User, case: Case) -> Exhibit:
    """A picture in Alice's case."""
    from cases.services import receive_evidence

    return receive_evidence(
        actor=user_actor(alice), case=case, stream=io.BytesIO(png()), filename="photo.png"
    )
