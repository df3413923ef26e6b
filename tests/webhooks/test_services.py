"""From the ledger to the receiver: who is told what, how it is signed, what happens on failure."""

from __future__ import annotations

import hashlib
import hmac
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.utils import timezone

from accounts.actors import api_key_actor, user_actor
from accounts.models import User
from accounts.services import create_api_key, revoke_api_key, rotate_api_key
from audit.models import AuditEvent
from cases import services as case_services
from cases.models import Case
from detection.models import Notification
from detection.services import cancel_analysis, submit_analysis
from tests.api.conftest import png
from tests.webhooks.conftest import Receiver
from webhooks import delivering, services, tasks
from webhooks.errors import WebhookRefused
from webhooks.models import Attempt, Delivery, Endpoint, Event
from webhooks.signing import secret_of

pytestmark = pytest.mark.django_db
Made = Callable[..., Endpoint]


def receive(user: User, case: Case, shade: int = 1) -> Any:
    return case_services.receive_evidence(
        actor=user_actor(user), case=case, stream=io.BytesIO(png(shade)), filename="Smith.png"
    )


def tell() -> dict[str, int]:
    """What the worker of the web hooks does."""
    made, sent = delivering.deliver_once()
    return {"made": made, "sent": sent}


def verify(secret: str, header: str, body: bytes) -> bool:
    """The check as the documentation describes it."""
    fields = [field.split("=", 1) for field in header.split(",")]
    seconds = next(value for name, value in fields if name == "t")
    signed = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return signed in [value for name, value in fields if name == "v1"]


def test_an_event_arrives_signed_with_ids_and_hashes_only(
    alice: User, case: Case, endpoint: Made, receiver: Receiver
) -> None:
    hook = endpoint(alice, case)
    exhibit = receive(alice, case)

    assert tell() == {"made": 1, "sent": 1}

    ((headers, raw),) = receiver.came
    entry = AuditEvent.objects.get(action="evidence.received")
    event = Event.objects.get()
    assert receiver.bodies == [
        {
            "id": str(event.pk),
            "type": "evidence.received",
            "occurred_at": entry.occurred_at.isoformat(),
            "case": str(case.pk),
            "subject": {"kind": "exhibit", "id": str(exhibit.pk)},
            "data": {"sha256": exhibit.sha256, "size": exhibit.size},
            "ledger_hash": entry.hash,
        }
    ]
    assert b"Smith" not in raw
    assert headers["DFD-Event-Id"] == str(event.pk)
    assert verify(secret_of(hook), headers["DFD-Signature"], raw)
    assert not verify(secret_of(hook), headers["DFD-Signature"], raw + b" ")
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts) == ("delivered", 1)
    hook.refresh_from_db()
    assert hook.last_delivered_at is not None


def test_the_secret_is_nowhere_stored(alice: User, case: Case, inside: None, receiver: Receiver,
                                      caplog: Any) -> None:  # fmt: skip
    hook, secret = services.create_endpoint(
        actor=user_actor(alice), url=receiver.url, events=["case.closed"]
    )

    assert secret == secret_of(hook)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM webhooks_endpoint")
        assert secret.removeprefix("whsec_") not in repr(cursor.fetchall())
    payloads = "".join(AuditEvent.objects.values_list("payload_text", flat=True))
    assert secret not in payloads + caplog.text
    assert receiver.url not in payloads  # its path may be a token


def test_only_who_may_see_the_case_is_told(
    alice: User, bob: User, charlie: User, auditor: User, case: Case, endpoint: Made
) -> None:
    hers, his, outsiders = endpoint(alice), endpoint(bob), endpoint(charlie)
    own = case_services.create_case(actor=user_actor(charlie), title="Charlie's own")
    elsewhere = endpoint(charlie, own)
    receive(alice, case)

    tell()

    told = set(Delivery.objects.filter(event__type="evidence.received").values_list("endpoint"))
    assert told == {(hers.pk,), (his.pk,)}
    assert not elsewhere.deliveries.filter(event__case_id=case.pk).exists()
    assert outsiders.deliveries.count() == 1  # of Charlie's own case


def test_intake_is_told_of_evidence_and_not_of_findings(
    alice: User, charlie: User, case: Case, endpoint: Made
) -> None:
    case_services.add_member(actor=user_actor(alice), case=case, user=charlie, role="intake")
    hook = endpoint(charlie, case)
    exhibit = receive(alice, case)
    queued = submit_analysis(actor=user_actor(alice), exhibit=exhibit)
    cancel_analysis(actor=user_actor(alice), analysis=queued)
    tell()

    assert list(hook.deliveries.values_list("event__type", flat=True)) == ["evidence.received"]


def test_who_loses_the_case_before_delivery_is_not_told(
    alice: User, bob: User, case: Case, endpoint: Made, receiver: Receiver
) -> None:
    hook = endpoint(bob, case)
    receiver.statuses = [503]
    receive(alice, case)
    tell()
    case_services.remove_member(actor=user_actor(alice), case=case, user=bob)
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        tell()

    assert len(receiver.came) == 1
    delivery = hook.deliveries.get()
    assert delivery.state == "failed"
    assert [attempt.error for attempt in delivery.log.all()][1] != ""


def keyed(user: User, case: Case | None, *scopes: str) -> Any:
    key, _ = create_api_key(
        actor=user_actor(user),
        owner=user,
        name="robot",
        scopes=scopes,
        expires_at=timezone.now() + timedelta(days=1),
        case_id=case.pk if case else None,
    )
    return key


def test_a_hook_made_by_a_key_ends_with_the_key_and_follows_its_rotation(
    alice: User, case: Case, inside: None, receiver: Receiver
) -> None:
    key = keyed(alice, case, "case:write", "case:read")
    hook, _ = services.create_endpoint(
        actor=api_key_actor(key), url=receiver.url, events=["evidence.received"], case=case
    )
    receive(alice, case, 1)
    assert tell()["sent"] == 1
    successor, _ = rotate_api_key(actor=user_actor(alice), api_key=key)
    revoke_api_key(actor=user_actor(alice), api_key=key)
    hook.refresh_from_db()
    assert hook.api_key_id == successor.pk
    receive(alice, case, 2)
    assert tell()["sent"] == 1
    revoke_api_key(actor=user_actor(alice), api_key=successor)
    receive(alice, case, 3)
    assert tell() == {"made": 0, "sent": 0}


def test_a_key_without_the_scope_makes_none_and_touches_no_others(
    alice: User, case: Case, endpoint: Made
) -> None:
    hook = endpoint(alice)
    reader, writer = keyed(alice, None, "case:read"), keyed(alice, None, "case:write")

    with pytest.raises(PermissionDenied):
        services.create_endpoint(actor=api_key_actor(reader), url=hook.url, events=["case.closed"])
    for act in (services.rotate_secret, services.delete_endpoint, services.ping):
        with pytest.raises(PermissionDenied):
            act(actor=api_key_actor(writer), endpoint=hook)


def test_failures_are_repeated_later_and_later_and_then_given_up(
    alice: User, case: Case, endpoint: Made, receiver: Receiver, monkeypatch: Any
) -> None:
    monkeypatch.setattr(delivering, "GIVE_UP_AFTER", timedelta(days=99))
    receiver.statuses = [500]
    endpoint(alice, case)
    receive(alice, case)
    tell()
    pauses = []
    for _ in range(delivering.MOST_ATTEMPTS + 3):
        delivery = Delivery.objects.get()
        if delivery.state != "pending":
            break
        pauses.append((delivery.due_at - delivery.log.last().started_at).total_seconds())
        assert tell()["sent"] == 0  # not before it is due
        with time_machine.travel(delivery.due_at + timedelta(seconds=1)):
            tell()

    assert delivery.state == "failed"
    assert len(receiver.came) == delivery.attempts == delivering.MOST_ATTEMPTS
    assert {body["id"] for body in receiver.bodies} == {str(delivery.event_id)}
    for number, pause in enumerate(pauses[:8]):
        assert 0.8 * 30 * 2**number <= pause <= 1.2 * 30 * 2**number + 2
    assert max(pauses) <= 1.2 * 6 * 3600 + 2


def test_a_receiver_that_never_answers_is_switched_off_and_its_owner_told(
    alice: User, case: Case, endpoint: Made, receiver: Receiver
) -> None:
    hook = endpoint(alice, case)
    receiver.statuses = [500]
    receive(alice, case)
    tell()
    with time_machine.travel(timezone.now() + timedelta(days=3, minutes=1)):
        tell()

    hook.refresh_from_db()
    assert hook.disabled_at is not None
    assert hook.disabled_reason == "it took nothing for three days"
    assert "was switched off" in Notification.objects.get(recipient=alice).text
    assert AuditEvent.objects.get(action="webhook.disabled").actor_kind == "system"
    receive(alice, case, 2)
    with time_machine.travel(timezone.now() + timedelta(days=9)):
        assert tell() == {"made": 0, "sent": 0}
    receiver.statuses = [200]
    services.enable_endpoint(actor=user_actor(alice), endpoint=hook)
    with time_machine.travel(timezone.now() + timedelta(days=9)):
        assert tell()["sent"] == 1


def test_gone_switches_off_at_once(
    alice: User, case: Case, endpoint: Made, receiver: Receiver
) -> None:
    hook = endpoint(alice, case)
    receiver.statuses = [410]
    receive(alice, case)
    tell()

    hook.refresh_from_db()
    assert hook.disabled_reason == "it answered 410 Gone"


def test_after_a_rotation_both_secrets_sign_for_a_day(
    alice: User, case: Case, endpoint: Made, receiver: Receiver
) -> None:
    hook = endpoint(alice, case)
    old = secret_of(hook)
    new = services.rotate_secret(actor=user_actor(alice), endpoint=hook)
    receive(alice, case, 1)
    tell()
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        receive(alice, case, 2)
        tell()

    (first, first_body), (second, second_body) = receiver.came
    assert new != old
    assert verify(old, first["DFD-Signature"], first_body)
    assert verify(new, first["DFD-Signature"], first_body)
    assert not verify(old, second["DFD-Signature"], second_body)
    assert verify(new, second["DFD-Signature"], second_body)


def test_a_worker_that_dies_leaves_the_delivery_to_the_next(
    alice: User, case: Case, endpoint: Made, receiver: Receiver, monkeypatch: Any
) -> None:
    endpoint(alice, case)
    receive(alice, case)
    monkeypatch.setattr(delivering, "_settle", lambda *_: (_ for _ in ()).throw(SystemExit))
    with pytest.raises(SystemExit):
        tell()
    monkeypatch.undo()
    assert tell()["sent"] == 0  # claimed
    with time_machine.travel(timezone.now() + delivering.CLAIMED_FOR * 2):
        assert tell()["sent"] == 1
    assert [body["id"] for body in receiver.bodies] == [str(Event.objects.get().pk)] * 2


def test_what_is_rolled_back_is_not_told(alice: User, case: Case, endpoint: Made) -> None:
    endpoint(alice, case)
    with transaction.atomic():
        receive(alice, case)
        transaction.set_rollback(True)
    assert not Event.objects.exists()


def test_ping_and_redelivery(alice: User, case: Case, endpoint: Made, receiver: Receiver) -> None:
    hook = endpoint(alice, case, ["case.closed"])
    delivery = services.ping(actor=user_actor(alice), endpoint=hook)
    tell()
    services.redeliver(actor=user_actor(alice), delivery=delivery)
    tell()

    assert [body["type"] for body in receiver.bodies] == ["ping", "ping"]
    assert len({body["id"] for body in receiver.bodies}) == 1
    assert Attempt.objects.count() == 2


def test_changes_stand_in_the_ledger(
    alice: User, case: Case, endpoint: Made, receiver: Receiver
) -> None:
    hook = endpoint(alice, case)
    actor = user_actor(alice)
    services.change_endpoint(
        actor=actor, endpoint=hook, url=receiver.url + "/2", events=["case.closed"]
    )
    services.rotate_secret(actor=actor, endpoint=hook)
    services.disable_endpoint(actor=actor, endpoint=hook, reason="x")
    services.enable_endpoint(actor=actor, endpoint=hook)
    services.delete_endpoint(actor=actor, endpoint=hook)

    entries = AuditEvent.objects.filter(action__startswith="webhook.", case_id=case.pk)
    assert [entry.action for entry in entries] == [
        f"webhook.{verb}"
        for verb in ("created", "changed", "rotated", "disabled", "enabled", "deleted")
    ]


def test_refusals(alice: User, case: Case, inside: None, receiver: Receiver) -> None:
    actor = user_actor(alice)
    for events in ([], ["no.such"], ["ping"]):
        with pytest.raises(WebhookRefused, match="at least one"):
            services.create_endpoint(actor=actor, url=receiver.url, events=events)
    for _ in range(services.MOST_PER_PERSON):
        services.create_endpoint(actor=actor, url=receiver.url, events=["case.closed"])
    with pytest.raises(WebhookRefused, match="delete one"):
        services.create_endpoint(actor=actor, url=receiver.url, events=["case.closed"])


def test_old_events_are_forgotten_once_nothing_waits(
    alice: User, case: Case, endpoint: Made, receiver: Receiver
) -> None:
    endpoint(alice, case)
    receive(alice, case, 1)
    tell()
    receiver.statuses = [500]
    receive(alice, case, 2)
    tell()
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        tasks.forget_old()

    assert list(Delivery.objects.values_list("state", flat=True)) == ["pending"]
    assert Event.objects.count() == 1
