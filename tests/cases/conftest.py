"""What the tests of cases share."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from accounts.actors import user_actor
from accounts.models import User
from cases import services
from cases.models import Case, Exhibit
from tests.cases.media import wav_bytes


@pytest.fixture
def receive(case: Case, alice: User) -> Callable[..., Exhibit]:
    """``receive(content=..., filename=..., by=...)``: take a recording into Alice's case."""

    def take(
        content: bytes | None = None, filename: str = "call.wav", by: User = alice, **fields: object
    ) -> Exhibit:
        return services.receive_evidence(
            actor=user_actor(by),
            case=case,
            stream=io.BytesIO(wav_bytes() if content is None else content),
            filename=filename,
            **fields,
        )

    return take


@pytest.fixture
def exhibit(receive: Callable[..., Exhibit]) -> Exhibit:
    """A recording in Alice's case."""
    return receive()
