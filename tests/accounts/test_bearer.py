"""API keys over HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.actors import user_actor
from accounts.models import User
from accounts.services import create_api_key
from audit.actions import Action
from audit.models import AuditEvent

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/me"


@pytest.fixture
def plaintext(alice: User) -> str:
    _, text = create_api_key(
        actor=user_actor(alice),
        owner=alice,
        name="robot",
        scopes=["case:read"],
        expires_at=timezone.now() + timedelta(days=1),
        allowed_networks=["127.0.0.0/8"],
    )
    return text


def test_a_bearer_key_is_the_caller(client: Client, plaintext: str) -> None:
    answer = client.get(ADDRESS, headers={"Authorization": f"Bearer {plaintext}"})
    assert answer.status_code == 200
    assert "alice" in answer.content.decode()


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer dfd_x.y", "Bearer a b"])
def test_without_a_valid_key_the_answer_is_401_with_a_challenge(
    client: Client, plaintext: str, header: str
) -> None:
    answer = client.get(ADDRESS, headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_refused_key_is_recorded_without_its_secret(client: Client, plaintext: str) -> None:
    wrong = plaintext[:-5] + "xxxxx"
    client.get(ADDRESS, headers={"Authorization": f"Bearer {wrong}"})
    entry = AuditEvent.objects.get(action=Action.KEY_REFUSED)
    assert entry.subject == f"accounts.apikey:{plaintext[4:16]}"
    assert entry.payload == {"reason": "unknown"}
    assert plaintext[20:40] not in entry.payload_text


def test_a_key_from_a_foreign_network_is_refused_and_told_so(
    client: Client, plaintext: str
) -> None:
    answer = client.get(
        ADDRESS, headers={"Authorization": f"Bearer {plaintext}"}, REMOTE_ADDR="198.51.100.4"
    )
    assert answer.status_code == 401
    assert "not be used from your address" in answer.content.decode()


def test_a_refusal_is_recorded_once(client: Client, plaintext: str) -> None:
    headers = {"Authorization": f"Bearer {plaintext}"}
    assert client.get("/api/v1/ledger", headers=headers).status_code == 403
    entry = AuditEvent.objects.get(action=Action.PERMISSION_DENIED)
    assert (entry.actor_kind, entry.subject) == ("api_key", "page:/api/v1/ledger")
