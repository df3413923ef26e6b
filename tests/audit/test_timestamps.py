"""Time stamps from a real (local) RFC 3161 authority, and their queue while it is away."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from rfc3161_client import VerificationError, decode_timestamp_response

from audit import checkpoints, timestamps
from audit.models import StampRequest
from audit.tasks import keep_ledger
from tests.audit.authority import Authority, certificate_of, running_authority
from tests.audit.ledgers import add

pytestmark = pytest.mark.django_db


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    with running_authority(tmp_path) as found:
        yield found


@pytest.fixture
def configured(authority: Authority, settings: Any) -> Authority:
    settings.DFD = dataclasses.replace(
        settings.DFD, timestamp_authority=authority.url, timestamp_roots=authority.roots
    )
    return authority


def test_without_an_authority_nothing_is_queued() -> None:
    add(None, 1)
    checkpoints.create(reason="request")
    assert not StampRequest.objects.exists()


@pytest.mark.usefixtures("configured")
def test_a_checkpoint_is_stamped_and_the_stamp_verifies() -> None:
    add(None, 1)
    keep_ledger()
    request = StampRequest.objects.get()
    assert request.stamped_at is not None
    response = decode_timestamp_response(bytes(request.response or b""))
    timestamps.verify_stamp(response, request.checkpoint.note.encode())
    with pytest.raises(VerificationError):
        timestamps.verify_stamp(response, b"another note")


def test_a_stamp_waits_until_the_authority_answers(configured: Authority) -> None:
    configured.refuses = True
    add(None, 1)
    keep_ledger()
    request = StampRequest.objects.get()
    assert (request.stamped_at, request.attempts) == (None, 1)
    assert "503" in request.last_error
    configured.refuses = False
    assert timestamps.stamp_pending() == 1
    assert timestamps.stamp_pending() == 0


def test_a_stamp_of_a_stranger_is_not_kept(
    configured: Authority, settings: Any, tmp_path: Path
) -> None:
    key = rsa.generate_private_key(65537, 2048)
    stranger = certificate_of("Stranger", key, "Stranger", key, stamps=False)
    roots = tmp_path / "other.pem"
    roots.write_bytes(stranger.public_bytes(serialization.Encoding.PEM))
    settings.DFD = dataclasses.replace(settings.DFD, timestamp_roots=str(roots))
    add(None, 1)
    keep_ledger()
    request = StampRequest.objects.get()
    assert request.response is None
    assert "VerificationError" in request.last_error
