"""Destruction: two people, no hold, and a certificate that outlives the bytes."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from accounts.actors import api_key_actor, user_actor
from accounts.scopes import Scope
from accounts.services import create_api_key
from audit.models import AuditEvent
from cases import selectors, services
from cases.errors import CustodyConflict, ExhibitUnavailable, StoreError
from cases.models import DestructionCertificate, Exhibit
from cases.storage import evidence_store
from tests.cases.media import wav_bytes

pytestmark = pytest.mark.django_db


@pytest.fixture
def second_manager(case, alice, carol):
    services.add_member(actor=user_actor(alice), case=case, user=carol, role="manager")
    return carol


def ask(exhibit: Exhibit, by):
    return services.request_destruction(
        actor=user_actor(by), exhibit=exhibit, reason="Retention over", authority="Order 3/26"
    )


def test_two_people_destroy_and_a_certificate_remains(exhibit, alice, second_manager) -> None:
    request = ask(exhibit, alice)
    with pytest.raises(CustodyConflict, match="second person"):
        services.approve_destruction(actor=user_actor(alice), request=request)
    assert evidence_store().exists(exhibit.storage_key)

    certificate = services.approve_destruction(actor=user_actor(second_manager), request=request)

    exhibit.refresh_from_db()
    assert exhibit.state == "destroyed"
    assert not evidence_store().exists(exhibit.storage_key)
    document = json.loads(certificate.document)
    assert document["sha256_before_destruction"] == exhibit.sha256
    assert (document["requested_by"], document["approved_by"]) == ("alice", "carol")
    assert certificate.sha256 == hashlib.sha256(certificate.document.encode()).hexdigest()
    entry = AuditEvent.objects.get(case_id=exhibit.case_id, action="evidence.destroyed")
    assert entry.payload["certificate_sha256"] == certificate.sha256
    kinds = list(exhibit.custody.values_list("kind", flat=True))
    assert kinds == ["received", "destruction_requested", "destroyed"]
    with pytest.raises(ExhibitUnavailable, match="destroyed"):
        services.open_exhibit(actor=user_actor(alice), exhibit=exhibit, purpose="x")
    with pytest.raises(ExhibitUnavailable):
        services.verify_exhibit(actor=user_actor(alice), exhibit=exhibit)
    shown = selectors.destruction_requests_of(user_actor(alice), exhibit.case).get()
    assert shown.certificate == certificate


def test_number_of_a_destroyed_exhibit_is_not_given_out_again(
    receive, exhibit, alice, second_manager
) -> None:
    services.approve_destruction(actor=user_actor(second_manager), request=ask(exhibit, alice))
    again = receive()
    assert again.number == exhibit.number + 1
    assert evidence_store().path(again.storage_key).read_bytes() == wav_bytes()


def test_bytes_stay_while_another_exhibit_of_the_case_rests_on_them(
    receive, exhibit, alice, second_manager
) -> None:
    twin = receive()
    certificate = services.approve_destruction(
        actor=user_actor(second_manager), request=ask(exhibit, alice)
    )
    assert json.loads(certificate.document)["bytes_kept_for_exhibits"] == [twin.number]
    assert evidence_store().exists(twin.storage_key)
    services.approve_destruction(actor=user_actor(second_manager), request=ask(twin, alice))
    assert not evidence_store().exists(twin.storage_key)


def test_every_hold_must_be_released_first(receive, exhibit, case, alice, second_manager) -> None:
    actor = user_actor(alice)
    other = receive(wav_bytes(tone=200))
    on_case = services.place_hold(actor=actor, case=case, matter="Appeal 7/26", reason="Pending")
    on_exhibit = services.place_hold(
        actor=actor, case=case, matter="Claim 8/26", reason="Pending", exhibit=exhibit
    )
    with pytest.raises(CustodyConflict, match=r"Appeal 7/26.*Claim 8/26|Claim.*Appeal"):
        ask(exhibit, alice)
    services.release_hold(actor=actor, hold=on_case, reason="Decided")
    with pytest.raises(CustodyConflict, match="Claim 8/26"):
        ask(exhibit, alice)
    ask(other, alice)
    services.release_hold(actor=actor, hold=on_exhibit, reason="Settled")
    ask(exhibit, alice)
    assert selectors.holds_of(actor, case).count() == 2
    with pytest.raises(CustodyConflict, match="released already"):
        services.release_hold(actor=actor, hold=on_case, reason="Again")


def test_a_key_places_a_hold_and_releases_none(case, alice) -> None:
    key, _ = create_api_key(
        actor=user_actor(alice), owner=alice, name="robot", scopes=list(Scope),
        expires_at=timezone.now() + timedelta(hours=1),
    )  # fmt: skip
    robot = api_key_actor(key)
    hold = services.place_hold(actor=robot, case=case, matter="Appeal", reason="Pending")
    with pytest.raises(PermissionDenied):
        services.release_hold(actor=robot, hold=hold, reason="Decided")
    services.release_hold(actor=user_actor(alice), hold=hold, reason="Decided")


def test_hold_placed_after_the_request_stops_the_approval(exhibit, alice, second_manager) -> None:
    request = ask(exhibit, alice)
    services.place_hold(
        actor=user_actor(alice), case=exhibit.case, matter="Appeal", reason="Filed today"
    )
    with pytest.raises(CustodyConflict, match="Appeal"):
        services.approve_destruction(actor=user_actor(second_manager), request=request)
    assert evidence_store().exists(exhibit.storage_key)
    assert not DestructionCertificate.objects.exists()


def test_declined_request_is_final_and_a_new_one_may_follow(exhibit, alice, second_manager) -> None:
    request = ask(exhibit, alice)
    with pytest.raises(CustodyConflict, match="requested already"):
        ask(exhibit, second_manager)
    services.decline_destruction(
        actor=user_actor(second_manager), request=request, reason="Still needed"
    )
    with pytest.raises(CustodyConflict, match="answered"):
        services.approve_destruction(actor=user_actor(second_manager), request=request)
    assert ask(exhibit, alice).status == "requested"


@pytest.mark.parametrize("name", ["bob", "charlie", "admin_user", "auditor"])
def test_contributing_is_not_destroying(exhibit, alice, name: str, request) -> None:
    asked = ask(exhibit, alice)
    person = request.getfixturevalue(name)
    actor = user_actor(person)
    for attempt in (
        lambda: ask(exhibit, person),
        lambda: services.approve_destruction(actor=actor, request=asked),
        lambda: services.decline_destruction(actor=actor, request=asked, reason="x"),
        lambda: services.place_hold(actor=actor, case=exhibit.case, matter="x", reason="x"),
    ):
        with pytest.raises(PermissionDenied):
            attempt()
    assert evidence_store().exists(exhibit.storage_key)


def test_bytes_that_cannot_be_found_are_not_certified_as_destroyed(
    exhibit, alice, second_manager, data_dir
) -> None:
    request = ask(exhibit, alice)
    store = data_dir / "evidence"
    unmounted = store.rename(data_dir / "elsewhere")
    with pytest.raises(StoreError, match="not there"):
        services.approve_destruction(actor=user_actor(second_manager), request=request)
    unmounted.rename(store)
    path = evidence_store().path(exhibit.storage_key)
    kept = path.rename(path.with_name("moved"))
    with pytest.raises(CustodyConflict, match="integrity check"):
        services.approve_destruction(actor=user_actor(second_manager), request=request)
    assert not DestructionCertificate.objects.exists()
    kept.rename(path)
    services.approve_destruction(actor=user_actor(second_manager), request=request)
    assert not path.exists()
