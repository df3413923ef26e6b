"""API keys: how they are made, what is stored, when they open the door."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import stat
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import peppers
from accounts.actors import Actor, api_key_actor, system_actor, user_actor, worker_actor
from accounts.authentication import authenticate_key
from accounts.errors import InvalidKey, KeyRequestRefused
from accounts.models import ApiKey, User
from accounts.scopes import Scope
from accounts.services import create_api_key, revoke_api_key, rotate_api_key
from audit.actions import Action
from audit.models import AuditEvent

pytestmark = pytest.mark.django_db
ADDRESS = "192.0.2.7"


def make(owner: User, **changes: Any) -> tuple[ApiKey, str]:
    fields: dict[str, Any] = {
        "actor": user_actor(owner),
        "owner": owner,
        "name": "robot",
        "scopes": ["case:read"],
        "expires_at": timezone.now() + timedelta(days=30),
    }
    return create_api_key(**{**fields, **changes})


def refused(plaintext: str, ip: str = ADDRESS) -> InvalidKey:
    with pytest.raises(InvalidKey) as failure:
        authenticate_key(plaintext, ip)
    return failure.value


def test_a_key_opens_the_door_and_its_secret_is_nowhere_stored(alice: User) -> None:
    key, plaintext = make(alice)
    assert plaintext.startswith(f"dfd_{key.key_id}.")
    assert authenticate_key(plaintext, ADDRESS) == key
    secret = plaintext.partition(".")[2]
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_apikey")
        assert secret not in repr(cursor.fetchall())
    assert secret not in "".join(AuditEvent.objects.values_list("payload_text", flat=True))


def test_what_is_stored_is_a_peppered_hmac(alice: User) -> None:
    key, plaintext = make(alice)
    expected = hmac.new(bytes.fromhex("5e" * 32), plaintext.encode(), hashlib.sha256).hexdigest()
    assert (key.pepper_version, key.digest) == (1, expected)


def test_unknown_key_and_wrong_secret_are_answered_alike(alice: User) -> None:
    key, plaintext = make(alice)
    wrong_secret = f"dfd_{key.key_id}.{'x' * 43}"
    unknown = "dfd_" + "a" * 12 + plaintext[16:]
    answers = {(e.code, e.message) for e in map(refused, (wrong_secret, unknown, "dfd_x", ""))}
    assert answers == {("unknown", "The API key is not valid.")}


def test_a_revoked_an_expired_and_an_orphaned_key_say_why(alice: User) -> None:
    key, plaintext = make(alice)
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert refused(plaintext).code == "expired"
    alice.is_active = False
    alice.save()
    assert refused(plaintext).code == "owner_inactive"
    revoke_api_key(actor=system_actor(), api_key=key)
    assert refused(plaintext).code == "revoked"


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("192.0.2.7", True),
        ("192.0.3.7", False),
        ("2001:db8::5", True),
        ("2001:db9::5", False),
        ("", False),
    ],
)
def test_a_key_is_bound_to_its_networks(alice: User, address: str, allowed: bool) -> None:
    key, plaintext = make(alice, allowed_networks=["192.0.2.0/24", "2001:db8::/32"])
    if allowed:
        assert authenticate_key(plaintext, address) == key
    else:
        assert refused(plaintext, address).code == "network"


def test_the_last_use_is_written_at_most_once_a_minute(alice: User) -> None:
    _, plaintext = make(alice)
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        first = authenticate_key(plaintext, ADDRESS).last_used_at
        with CaptureQueriesContext(connection) as queries:
            authenticate_key(plaintext, ADDRESS)
        assert not [q for q in queries.captured_queries if q["sql"].startswith("UPDATE")]
    with time_machine.travel(start + timedelta(seconds=61), tick=False):
        later = authenticate_key(plaintext, ADDRESS).last_used_at
    assert first is not None
    assert later is not None
    assert later - first == timedelta(seconds=61)


def test_rotation_lets_both_keys_work_until_the_overlap_ends(alice: User) -> None:
    case_id = uuid.uuid4()
    old, before = make(alice, case_id=case_id, allowed_networks=["192.0.2.0/24"])
    new, after = rotate_api_key(actor=user_actor(alice), api_key=old, overlap=timedelta(hours=2))
    assert (new.scopes, new.allowed_networks, new.case_id) == (
        ["case:read"], ["192.0.2.0/24"], case_id,
    )  # fmt: skip
    assert abs(new.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=1)
    assert authenticate_key(before, ADDRESS) == old
    assert authenticate_key(after, ADDRESS) == new
    with time_machine.travel(timezone.now() + timedelta(hours=3)):
        assert refused(before).code == "expired"
        assert authenticate_key(after, ADDRESS) == new
    revoke_api_key(actor=user_actor(alice), api_key=old)
    with pytest.raises(KeyRequestRefused, match="no longer works"):
        rotate_api_key(actor=user_actor(alice), api_key=old)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scopes": ["case:eat"]}, "Known scopes: case:read"),
        ({"scopes": []}, "at least one scope"),
        ({"allowed_networks": ["192.0.2.1/24"]}, "Write networks as"),
        ({"expires_at": timezone.now() - timedelta(days=1)}, "past"),
        ({"expires_at": timezone.now() + timedelta(days=999)}, "366 days at most"),
    ],
)
def test_a_key_that_cannot_be_is_refused(alice: User, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(KeyRequestRefused, match=words):
        make(alice, **changes)
    assert not ApiKey.objects.exists()


def test_people_manage_their_own_keys_and_administrators_all(
    alice: User, bob: User, admin_user: User
) -> None:
    key, _ = make(alice)
    with pytest.raises(PermissionDenied, match="own API keys only"):
        make(alice, actor=user_actor(bob))
    with pytest.raises(PermissionDenied):
        revoke_api_key(actor=user_actor(bob), api_key=key)
    for actor in (api_key_actor(key), worker_actor("w")):
        with pytest.raises(PermissionDenied, match="signed-in people"):
            make(alice, actor=actor)
    revoke_api_key(actor=user_actor(admin_user), api_key=key)
    assert not key.is_active


def test_every_step_is_in_the_ledger(alice: User) -> None:
    key, _ = make(alice)
    new, _ = rotate_api_key(actor=user_actor(alice), api_key=key)
    revoke_api_key(actor=user_actor(alice), api_key=new)
    revoke_api_key(actor=user_actor(alice), api_key=new)
    steps = [(entry.action, entry.subject) for entry in AuditEvent.objects.order_by("id")]
    one, two = f"accounts.apikey:{key.pk}", f"accounts.apikey:{new.pk}"
    assert steps == [
        (Action.KEY_CREATED, one),
        (Action.KEY_ROTATED, one),
        (Action.KEY_CREATED, two),
        (Action.KEY_REVOKED, two),
    ]


def test_scopes_limit_keys_and_not_people(alice: User) -> None:
    key, _ = make(alice)
    assert api_key_actor(key).has_scope(Scope.CASE_READ)
    assert not api_key_actor(key).has_scope(Scope.CASE_WRITE)
    assert user_actor(alice).has_scope(Scope.CASE_WRITE)


def _peppers(settings: Any, text: str) -> None:
    settings.DFD = dataclasses.replace(settings.DFD, api_key_peppers=text)


def test_a_new_pepper_leaves_old_keys_working_until_it_is_withdrawn(
    alice: User, settings: Any
) -> None:
    old, before = make(alice)
    _peppers(settings, f"1:{'5e' * 32},2:{'ab' * 32}")
    new, after = make(alice)
    assert (old.pepper_version, new.pepper_version) == (1, 2)
    assert authenticate_key(before, ADDRESS) == old
    _peppers(settings, f"2:{'ab' * 32}")
    assert refused(before).code == "unknown"
    assert authenticate_key(after, ADDRESS) == new


def test_without_configuration_a_pepper_is_made_for_the_owner_only(
    data_dir: Path, settings: Any
) -> None:
    _peppers(settings, "")
    made = peppers.peppers()
    assert made == peppers.peppers()
    assert len(made[1]) == 32
    path = data_dir / "keys" / "api-key-pepper"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    _peppers(settings, "nonsense")
    with pytest.raises(ImproperlyConfigured, match="VERSION:HEX"):
        peppers.peppers()


def test_an_actor_that_is_a_key_acts_for_its_owner(alice: User) -> None:
    key, _ = make(alice)
    actor: Actor = api_key_actor(key)
    assert (actor.kind, actor.id, actor.user) == ("api_key", str(key.id), alice)
    assert actor.label == f"robot ({key.key_id})"
