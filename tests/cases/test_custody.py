"""Custody: who looked, took away, handed over and checked, with hashes; and frozen evidence."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command

from accounts.actors import user_actor, worker_actor
from audit.models import AuditEvent
from cases import selectors, services
from cases.errors import CasesError, CustodyConflict, ExhibitUnavailable, InvalidInput
from cases.models import CustodyEvent, Exhibit, Transfer
from cases.signals import alert_raised
from cases.storage import evidence_store
from cases.tasks import verify_all_exhibits

pytestmark = pytest.mark.django_db


def stored(exhibit: Exhibit) -> Path:
    return evidence_store().path(exhibit.storage_key)


def flip_one_byte(exhibit: Exhibit) -> None:
    path = stored(exhibit)
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.chmod(0o640)
    path.write_bytes(content)


def custody(exhibit: Exhibit) -> list[tuple[str, str]]:
    return list(exhibit.custody.values_list("kind", "actor_label"))


def last(exhibit: Exhibit) -> CustodyEvent:
    return exhibit.custody.order_by("id").last()


def test_views_and_downloads_are_events_with_purpose_and_hash(exhibit, bob) -> None:
    actor = user_actor(bob)
    services.record_view(actor=actor, exhibit=exhibit)
    path = services.open_exhibit(actor=actor, exhibit=exhibit, purpose="Listening test")
    assert path.read_bytes()[:4] == b"RIFF"
    assert custody(exhibit)[1:] == [("viewed", "bob"), ("downloaded", "bob")]
    event = last(exhibit)
    assert event.purpose == "Listening test"
    assert (event.sha256_before, event.sha256_after) == (exhibit.sha256, exhibit.sha256)
    actions = AuditEvent.objects.filter(case_id=exhibit.case_id).values_list("action", flat=True)
    assert {"evidence.viewed", "evidence.downloaded"} <= set(actions)


def test_worker_opens_without_a_download_and_records_its_analysis(exhibit) -> None:
    worker = worker_actor("gpu-1")
    services.open_exhibit(actor=worker, exhibit=exhibit, purpose="analysis")
    assert len(custody(exhibit)) == 1
    services.record_analysis(
        actor=worker,
        exhibit=exhibit,
        purpose="Analysis 1",
        sha256_before=exhibit.sha256,
        sha256_after=exhibit.sha256,
    )
    assert custody(exhibit)[-1] == ("analysed", "gpu-1")


def test_export_and_return_need_a_purpose_and_measure_the_hash(exhibit, alice) -> None:
    actor = user_actor(alice)
    with pytest.raises(InvalidInput):
        services.record_export(actor=actor, exhibit=exhibit, purpose="  ", export="1")
    for _attempt in range(2):  # the second one is a repetition and adds nothing
        services.record_export(
            actor=actor, exhibit=exhibit, purpose="Disclosure to the defence", export="1"
        )
    assert [kind for kind, _ in custody(exhibit)].count("exported") == 1
    assert last(exhibit).sha256_after == exhibit.sha256
    services.record_return(
        actor=actor,
        exhibit=exhibit,
        returned_to="Owner",
        purpose="Examination ended",
        authority="Order 9/26",
    )
    event = last(exhibit)
    assert (event.kind, event.result, event.authority) == (
        "returned",
        "returned to Owner",
        "Order 9/26",
    )


def test_transfer_moves_custody_only_when_the_receiver_accepts(exhibit, case, alice, bob) -> None:
    transfer = services.offer_transfer(
        actor=user_actor(alice), exhibit=exhibit, receiver=bob, purpose="Examination"
    )
    exhibit.refresh_from_db()
    assert exhibit.custodian == alice
    assert list(selectors.transfers_waiting_for(user_actor(bob))) == [transfer]
    with pytest.raises(PermissionDenied):
        services.accept_transfer(actor=user_actor(alice), transfer=transfer)
    services.accept_transfer(actor=user_actor(bob), transfer=transfer)
    exhibit.refresh_from_db()
    assert exhibit.custodian == bob
    assert custody(exhibit)[-2:] == [("transfer_offered", "alice"), ("transfer_accepted", "bob")]
    with pytest.raises(CustodyConflict, match="already"):
        services.decline_transfer(actor=user_actor(bob), transfer=transfer, reason="late")


def test_transfer_can_be_declined_and_offered_once_at_a_time(exhibit, alice, bob, charlie) -> None:
    actor = user_actor(alice)
    for receiver in (charlie, alice):
        with pytest.raises(CustodyConflict):
            services.offer_transfer(
                actor=actor, exhibit=exhibit, receiver=receiver, purpose="Examination"
            )
    transfer = services.offer_transfer(
        actor=actor, exhibit=exhibit, receiver=bob, purpose="Examination"
    )
    with pytest.raises(CustodyConflict, match="on offer"):
        services.offer_transfer(actor=actor, exhibit=exhibit, receiver=bob, purpose="Again")
    services.decline_transfer(actor=user_actor(bob), transfer=transfer, reason="On leave")
    assert Transfer.objects.get().status == "declined"
    assert last(exhibit).result == "On leave"


def test_flipped_byte_freezes_the_exhibit_and_tells_its_managers(
    exhibit, alice, django_capture_on_commit_callbacks
) -> None:
    heard = []

    def listen(sender: object, **alert: object) -> None:
        heard.append((alert["kind"], alert["exhibit"]))

    alert_raised.connect(listen)
    flip_one_byte(exhibit)
    with django_capture_on_commit_callbacks(execute=True):
        assert services.verify_exhibit(actor=user_actor(alice), exhibit=exhibit) is False
    alert_raised.disconnect(listen)

    exhibit.refresh_from_db()
    assert exhibit.state == "frozen"
    event = last(exhibit)
    assert event.kind == "frozen"
    assert event.sha256_before == exhibit.sha256
    assert event.sha256_after not in ("", exhibit.sha256)
    entry = AuditEvent.objects.get(case_id=exhibit.case_id, action="evidence.mismatch")
    assert entry.payload["expected"] == exhibit.sha256
    assert entry.payload["measured"] == event.sha256_after
    assert heard == [("evidence.mismatch", exhibit)]
    assert mail.outbox[0].to == ["alice@example.org"]
    assert exhibit.label in mail.outbox[0].body
    with pytest.raises(ExhibitUnavailable, match="frozen") as caught:
        services.open_exhibit(actor=user_actor(alice), exhibit=exhibit, purpose="x")
    assert caught.value.code == "frozen"


def test_mismatch_on_access_freezes_too(exhibit, bob) -> None:
    flip_one_byte(exhibit)
    with pytest.raises(ExhibitUnavailable):
        services.open_exhibit(actor=worker_actor("gpu-1"), exhibit=exhibit, purpose="analysis")
    exhibit.refresh_from_db()
    assert exhibit.state == "frozen"


def test_missing_file_is_a_mismatch(exhibit, alice) -> None:
    stored(exhibit).unlink()
    assert services.verify_exhibit(actor=user_actor(alice), exhibit=exhibit) is False
    assert last(exhibit).result == "the stored bytes are gone"


def test_damage_freezes_every_exhibit_that_rests_on_the_bytes(receive, exhibit, alice) -> None:
    twin = receive()
    assert twin.storage_key == exhibit.storage_key
    flip_one_byte(exhibit)
    services.verify_exhibit(actor=user_actor(alice), exhibit=exhibit)
    assert set(Exhibit.objects.values_list("state", flat=True)) == {"frozen"}


def test_unfreezing_needs_the_original_bytes_and_a_manager(exhibit, alice, bob) -> None:
    original = stored(exhibit).read_bytes()
    flip_one_byte(exhibit)
    services.verify_exhibit(actor=user_actor(bob), exhibit=exhibit)
    with pytest.raises(CasesError, match="still differ"):
        services.unfreeze_exhibit(actor=user_actor(alice), exhibit=exhibit, reason="x")
    stored(exhibit).write_bytes(original)
    with pytest.raises(PermissionDenied):
        services.unfreeze_exhibit(actor=user_actor(bob), exhibit=exhibit, reason="x")
    services.unfreeze_exhibit(actor=user_actor(alice), exhibit=exhibit, reason="Backup restored")
    exhibit.refresh_from_db()
    assert exhibit.state == "stored"
    assert services.verify_exhibit(actor=user_actor(bob), exhibit=exhibit) is True
    assert exhibit.last_verified_at is not None


def test_daily_task_counts_and_goes_on_after_a_mismatch(receive, alice) -> None:
    good, bad = receive(), receive(b"\xff\xd8\xff" + bytes(300))
    flip_one_byte(bad)
    assert verify_all_exhibits() == {
        "unchanged": 1,
        "changed": 1,
        "unreadable": 0,
        "expired_uploads": 0,
    }
    assert last(good).kind == "verified"
    assert last(good).actor_label == "integrity check"


def test_command_names_what_changed_and_fails(receive, case, capsys) -> None:
    exhibit = receive()
    call_command("verify_integrity")
    assert "1 exhibits checked, 1 unchanged, 0 not" in capsys.readouterr().out
    flip_one_byte(exhibit)
    with pytest.raises(CommandError) as caught:
        call_command("verify_integrity", case.number)
    assert caught.value.returncode == 1
    assert f"{exhibit.label} changed" in capsys.readouterr().err
    with pytest.raises(CommandError, match="no case"):
        call_command("verify_integrity", "1999-0001")


def test_outsider_leaves_no_trace_but_a_refusal(exhibit, alice, bob, charlie) -> None:
    actor = user_actor(charlie)
    transfer = services.offer_transfer(
        actor=user_actor(alice), exhibit=exhibit, receiver=bob, purpose="Examination"
    )
    before = custody(exhibit)
    attempts = [
        lambda: services.record_view(actor=actor, exhibit=exhibit),
        lambda: services.open_exhibit(actor=actor, exhibit=exhibit, purpose="x"),
        lambda: services.verify_exhibit(actor=actor, exhibit=exhibit),
        lambda: services.record_export(actor=actor, exhibit=exhibit, purpose="x", export="1"),
        lambda: services.record_return(actor=actor, exhibit=exhibit, returned_to="x", purpose="x"),
        lambda: services.offer_transfer(actor=actor, exhibit=exhibit, receiver=bob, purpose="x"),
        lambda: services.accept_transfer(actor=actor, transfer=transfer),
        lambda: services.decline_transfer(actor=actor, transfer=transfer, reason="x"),
    ]
    for attempt in attempts:
        with pytest.raises(PermissionDenied):
            attempt()
    assert custody(exhibit) == before
    refusals = AuditEvent.objects.filter(action="permission.denied", actor_id=str(charlie.pk))
    assert refusals.count() == len(attempts)
