"""Cases and their members: numbers, roles, closing, notes, emergency access, API keys."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from accounts import services as account_services
from accounts.actors import Actor, anonymous_actor, api_key_actor, user_actor
from accounts.models import User
from audit.models import AuditEvent
from cases import selectors, services
from cases.errors import CaseClosed, CasesError, InvalidInput, MembershipConflict
from cases.models import Case, CaseMembership
from cases.permissions import CaseAction, actions_in

pytestmark = pytest.mark.django_db


def key_actor(owner: User, *scopes: str, case_id: object = None) -> Actor:
    api_key, _ = account_services.create_api_key(
        actor=user_actor(owner),
        owner=owner,
        name="robot",
        scopes=list(scopes),
        expires_at=timezone.now() + timedelta(days=1),
        case_id=case_id,
    )
    return api_key_actor(api_key)


def test_cases_are_numbered_through_the_year_and_start_again(alice) -> None:
    actor = user_actor(alice)
    with time_machine.travel("2031-12-31T23:00:00Z"):
        first = [services.create_case(actor=actor, title="a").number for _ in range(2)]
    with time_machine.travel("2032-01-01T00:10:00Z"):
        second = services.create_case(actor=actor, title="b").number
    assert (first, second) == (["2031-0001", "2031-0002"], "2032-0001")


def test_opening_a_case_makes_a_manager_and_an_entry(alice) -> None:
    case = services.create_case(actor=user_actor(alice), title="  Call of 3 May ")
    assert case.title == "Call of 3 May"
    assert CaseMembership.objects.get(case=case).role == "manager"
    entry = AuditEvent.objects.get(case_id=case.pk, action="case.created")
    assert entry.payload["number"] == case.number
    with pytest.raises(InvalidInput):
        services.create_case(actor=user_actor(alice), title=" ")


def test_who_may_open_cases(alice, auditor, admin_user) -> None:
    services.create_case(actor=user_actor(admin_user), title="x")
    services.create_case(actor=key_actor(alice, "case:write"), title="x")
    case = Case.objects.first()
    for refused in (
        user_actor(auditor),
        anonymous_actor(),
        key_actor(alice, "case:read"),
        key_actor(alice, "case:write", case_id=case.pk),
    ):
        with pytest.raises(PermissionDenied):
            services.create_case(actor=refused, title="x")


def test_members_change_and_a_manager_always_remains(case, alice, bob, charlie) -> None:
    actor = user_actor(alice)
    services.add_member(actor=actor, case=case, user=charlie, role="intake")
    services.add_member(actor=actor, case=case, user=charlie, role="viewer")
    assert selectors.members_of(actor, case).get(user=charlie).role == "viewer"
    services.remove_member(actor=actor, case=case, user=charlie)
    assert not selectors.cases_for(user_actor(charlie)).exists()
    for attempt in (
        lambda: services.remove_member(actor=actor, case=case, user=alice),
        lambda: services.add_member(actor=actor, case=case, user=alice, role="viewer"),
    ):
        with pytest.raises(MembershipConflict, match="needs a manager"):
            attempt()
    services.add_member(actor=actor, case=case, user=bob, role="manager")
    services.remove_member(actor=actor, case=case, user=alice)
    changes = AuditEvent.objects.filter(case_id=case.pk, action__startswith="case.member_")
    assert [e.payload["role"] for e in changes][-5:] == [
        "intake",
        "viewer",
        "viewer",
        "manager",
        "manager",
    ]


def test_who_cannot_become_a_member(case, alice, charlie, auditor) -> None:
    actor = user_actor(alice)
    charlie.is_active = False
    charlie.save()
    for user, role in ((charlie, "viewer"), (auditor, "viewer"), (alice, "owner")):
        with pytest.raises(MembershipConflict):
            services.add_member(actor=actor, case=case, user=user, role=role)


def test_closed_case_takes_no_notes_until_reopened(case, alice) -> None:
    actor = user_actor(alice)
    services.close_case(actor=actor, case=case, reason="Judgment")
    case.refresh_from_db()
    assert (case.status, case.closed_at is not None) == ("closed", True)
    for attempt in (
        lambda: services.add_note(actor=actor, case=case, text="late"),
        lambda: services.edit_case(actor=actor, case=case, title="x", description=""),
        lambda: services.close_case(actor=actor, case=case),
    ):
        with pytest.raises(CaseClosed, match="reopen"):
            attempt()
    services.reopen_case(actor=actor, case=case, reason="Appeal")
    services.add_note(actor=actor, case=case, text="Appeal filed.")
    with pytest.raises(CasesError, match="open already"):
        services.reopen_case(actor=actor, case=case, reason="Appeal")


def test_notes_are_added_and_corrected_never_changed(case, exhibit, alice, bob, charlie) -> None:
    first = services.add_note(actor=user_actor(bob), case=case, text="**Two** voices")
    second = services.add_note(
        actor=user_actor(bob), case=case, text="Three voices", exhibit=exhibit, corrects=first
    )
    assert list(selectors.notes_of(user_actor(alice), case)) == [first, second]
    assert list(selectors.notes_of(user_actor(alice), case, exhibit)) == [second]
    foreign = services.create_case(actor=user_actor(charlie), title="x")
    with pytest.raises(InvalidInput, match="another case"):
        services.add_note(actor=user_actor(charlie), case=foreign, text="x", exhibit=exhibit)
    entry = AuditEvent.objects.filter(action="case.note_added").first()
    assert "voices" not in entry.payload_text


def test_administrator_sees_no_case_until_the_glass_is_broken(
    case, exhibit, admin_user, alice, charlie, django_capture_on_commit_callbacks
) -> None:
    admin = user_actor(admin_user)
    assert not selectors.cases_for(admin).exists()
    assert not selectors.exhibits_for(admin).exists()
    with pytest.raises(InvalidInput):
        services.open_break_glass(actor=admin, case=case, reason="")
    with pytest.raises(InvalidInput):
        services.open_break_glass(actor=admin, case=case, reason="x", hours=25)
    for other in (alice, charlie):
        with pytest.raises(PermissionDenied):
            services.open_break_glass(actor=user_actor(other), case=case, reason="curious")

    with django_capture_on_commit_callbacks(execute=True):
        services.open_break_glass(actor=admin, case=case, reason="Manager left", hours=2)
    assert selectors.get_case(admin, case.number) == case
    assert list(selectors.exhibits_of(admin, case)) == [exhibit]
    assert "Manager left" in mail.outbox[0].body
    entry = AuditEvent.objects.get(case_id=case.pk, action="case.break_glass_opened")
    assert (entry.payload["reason"], entry.payload["hours"]) == ("Manager left", 2)
    with pytest.raises(PermissionDenied):
        services.add_note(actor=admin, case=case, text="x")
    services.add_member(actor=admin, case=case, user=charlie, role="manager")
    with time_machine.travel(timezone.now() + timedelta(hours=2, seconds=1)):
        assert not selectors.cases_for(admin).exists()


def test_broken_glass_gives_nobody_a_lasting_role(case, admin_user, alice) -> None:
    admin = user_actor(admin_user)
    services.open_break_glass(actor=admin, case=case, reason="x")
    with pytest.raises(MembershipConflict) as refusal:
        services.add_member(actor=admin, case=case, user=admin_user, role="viewer")
    assert refusal.value.code == "emergency"
    services.add_member(actor=user_actor(alice), case=case, user=admin_user, role="viewer")
    with pytest.raises(MembershipConflict):
        services.add_member(actor=admin, case=case, user=admin_user, role="manager")


def test_break_glass_can_be_ended_by_its_holder_or_a_manager(case, admin_user, alice, bob) -> None:
    admin = user_actor(admin_user)
    access = services.open_break_glass(actor=admin, case=case, reason="x")
    with pytest.raises(PermissionDenied):
        services.end_break_glass(actor=user_actor(bob), access=access)
    services.end_break_glass(actor=user_actor(alice), access=access)
    assert not selectors.cases_for(admin).exists()
    assert list(selectors.break_glass_of(user_actor(alice), case)) == [access]


def test_key_is_bound_by_scope_case_and_its_owners_role(case, exhibit, alice, bob) -> None:
    other = services.create_case(actor=user_actor(alice), title="Another")
    reader = key_actor(alice, "case:read")
    assert set(selectors.cases_for(reader)) == {case, other}
    assert actions_in(reader, case) == {CaseAction.VIEW}
    bound = key_actor(alice, "case:read", "evidence:write", case_id=case.pk)
    assert list(selectors.cases_for(bound)) == [case]
    assert actions_in(bound, other) == set()
    with pytest.raises(PermissionDenied):
        services.open_exhibit(actor=reader, exhibit=exhibit, purpose="x")
    examiner = key_actor(bob, "case:write", "case:read")
    with pytest.raises(PermissionDenied):
        services.close_case(actor=examiner, case=case)
    everything = key_actor(
        alice,
        "case:read",
        "case:write",
        "evidence:read",
        "evidence:write",
        "analysis:run",
        "analysis:read",
        "export:create",
        "audit:read",
    )
    assert frozenset(CaseAction) - actions_in(everything, case) == {
        CaseAction.REVIEW,
        CaseAction.DESTROY,
    }


def test_account_that_was_switched_off_sees_nothing(case, bob) -> None:
    bob.is_active = False
    bob.save()
    assert not selectors.cases_for(user_actor(bob)).exists()
    assert actions_in(user_actor(bob), case) == set()


def test_search_finds_exhibits_and_only_in_own_cases(case, exhibit, alice, charlie) -> None:
    for words in (case.number, "recording of", "call.wav", exhibit.sha256):
        assert list(selectors.cases_for(user_actor(alice), search=words)) == [case]
        assert not selectors.cases_for(user_actor(charlie), search=words).exists()
    assert not selectors.cases_for(user_actor(alice), status="closed").exists()
