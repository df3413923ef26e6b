"""One entry: what is hashed, what is refused, which chain it joins."""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import UTC

import pytest
from django.db import IntegrityError, transaction

from accounts.actors import Actor, system_actor, user_actor
from audit.actions import Action
from audit.errors import BadPayload, OutsideTransaction
from audit.models import GENESIS, AuditEvent, ChainHead
from audit.services import append

CASE = uuid.UUID("6f1c2b0e-8f54-4f3e-9d5a-0a4c3b2a1f00")


def _append(**changes: object) -> AuditEvent:
    fields: dict[str, object] = {
        "actor": system_actor(),
        "action": Action.EVIDENCE_VERIFIED,
        "subject": "cases.exhibit:1",
        "case_id": CASE,
        "payload": {"sha256": "ab"},
    }
    return append(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.django_db
def test_the_hash_is_sha256_over_domain_previous_hash_and_canonical_json() -> None:
    actor = Actor(kind="user", id="7", label="Zoë", ip="192.0.2.1", request_id="r-1")
    first = _append()
    event = _append(actor=actor, payload={"b": [1, True, None], "a": "ü"})
    moment = event.occurred_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    # RFC 8785 for records without floats: keys sorted, no blanks, UTF-8.
    expected = json.dumps(
        {
            "chain": str(CASE),
            "seq": 2,
            "occurred_at": moment,
            "actor": {"kind": "user", "id": "7", "label": "Zoë"},
            "action": "evidence.verified",
            "subject": "cases.exhibit:1",
            "case": str(CASE),
            "request_id": "r-1",
            "ip": "192.0.2.1",
            "payload": {"a": "ü", "b": [1, True, None]},
        },
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    ).encode()
    content = b"dfd.audit.v1" + bytes.fromhex(first.hash) + expected
    assert event.hash == hashlib.sha256(content).hexdigest()
    assert event.prev_hash == first.hash
    assert first.prev_hash == GENESIS


@pytest.mark.django_db
def test_each_case_has_its_chain_and_the_global_chain_names_it() -> None:
    first, second = _append(), _append()
    other = _append(case_id=uuid.uuid4())
    assert (first.seq, second.seq, other.seq) == (1, 2, 1)
    opened = AuditEvent.objects.filter(chain="global", action=Action.LEDGER_CHAIN_OPENED)
    assert [event.payload["chain"] for event in opened] == [first.chain, other.chain]
    assert opened[0].payload["first_hash"] == first.hash
    head = ChainHead.objects.get(pk=str(CASE))
    assert (head.seq, head.hash) == (2, second.hash)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"score": 0.5}, "payload.score is a float"),
        ({"list": [1, {"x": float("nan")}]}, r"payload.list\[1\].x is a float"),
        ({"big": 2**53}, "write integers beyond 2\\^53 as text"),
        ({1: "x"}, "keys must be text"),
        ({"when": b"bytes"}, "payload.when is a bytes"),
        ({"name": "a\x00b"}, "NUL"),
    ],
)
def test_a_payload_without_one_exact_form_is_refused(
    payload: dict[str, object], words: str
) -> None:
    with pytest.raises(BadPayload, match=words):
        _append(payload=payload)
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db
def test_an_unregistered_action_is_refused() -> None:
    with pytest.raises(ValueError, match="eaten"):
        _append(action="evidence.eaten")


@pytest.mark.django_db(transaction=True)
def test_appending_needs_a_transaction() -> None:
    with pytest.raises(OutsideTransaction, match="audited"):
        _append()


@pytest.mark.django_db(transaction=True)
def test_an_entry_vanishes_with_the_change_it_records() -> None:
    with transaction.atomic():
        _append()
        transaction.set_rollback(True)
    assert not AuditEvent.objects.exists()
    with transaction.atomic():
        assert _append().seq == 1


@pytest.mark.django_db
def test_the_database_refuses_a_fork() -> None:
    event = _append()
    _append()
    event.pk, event.seq = None, 9
    with pytest.raises(IntegrityError), transaction.atomic():
        event.save(force_insert=True)


@pytest.mark.django_db
def test_the_actor_is_kept_when_the_account_goes(charlie: object) -> None:
    event = _append(actor=user_actor(charlie))  # type: ignore[arg-type]
    number = str(charlie.pk)  # type: ignore[attr-defined]
    charlie.delete()  # type: ignore[attr-defined]
    event.refresh_from_db()
    assert (event.actor_kind, event.actor_id, event.actor_label) == ("user", number, "charlie")
