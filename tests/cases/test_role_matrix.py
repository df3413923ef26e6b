"""Every role against every read and write of this room, in an own and in a foreign case.

The table says which actions each role has; the tests below try all of it. A service or selector
that is missing from the lists fails ``test_every_service_and_selector_is_in_the_matrix``.
"""

from __future__ import annotations

import contextlib
import inspect
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.actors import Actor, system_actor, user_actor, worker_actor
from accounts.models import User
from audit.actions import Action
from audit.models import AuditEvent
from audit.services import append
from audit.transactions import audited
from cases import selectors, services
from cases.errors import CasesError
from cases.models import Case, Exhibit, Transfer
from cases.permissions import ROLE_ACTIONS, CaseAction, CaseRole, Standing, actions_in, allowed
from tests.cases.media import wav_bytes

pytestmark = pytest.mark.django_db

A = CaseAction
# What each role may do, written out a second time: a change of the table must be meant.
EXPECTED: dict[str, set[CaseAction]] = {
    "manager": set(CaseAction),
    "examiner": set(CaseAction) - {A.MANAGE, A.DESTROY},
    "reviewer": {A.VIEW, A.VIEW_FINDINGS, A.DOWNLOAD, A.ANNOTATE, A.REVIEW, A.VERIFY},
    "viewer": {A.VIEW, A.VIEW_FINDINGS},
    "intake": {A.VIEW, A.CONTRIBUTE, A.TRANSFER},
    "auditor": {A.VIEW, A.VIEW_FINDINGS, A.DOWNLOAD},
    "administrator": set(),
    "administrator with broken glass": {A.VIEW, A.VIEW_FINDINGS, A.DOWNLOAD, A.MANAGE},
    "outsider": set(),
    "worker": {A.VIEW, A.VIEW_FINDINGS, A.DOWNLOAD, A.ANALYSE, A.VERIFY},
    "system": set(CaseAction),
}


@dataclass
class World:
    """Two cases alike; the actor under test has a role in the first."""

    own: Case
    foreign: Case
    manager: Actor
    spare: User
    rows: dict[Any, dict[str, Any]]


def furnish(manager: Actor, case: Case, spare: User) -> dict[str, Any]:
    """One row of everything a service may be asked to act on."""
    exhibit = services.receive_evidence(
        actor=manager, case=case, stream=io.BytesIO(wav_bytes()), filename="call.wav"
    )
    second = services.receive_evidence(
        actor=manager, case=case, stream=io.BytesIO(wav_bytes(tone=200)), filename="other.wav"
    )
    doomed = services.receive_evidence(
        actor=manager, case=case, stream=io.BytesIO(wav_bytes(tone=300)), filename="doomed.wav"
    )
    return {
        "case": case,
        "exhibit": exhibit,
        "second": second,
        "hold": services.place_hold(
            actor=manager, case=case, matter="Claim", reason="x", exhibit=second
        ),
        "request": services.request_destruction(
            actor=manager, exhibit=doomed, reason="x", authority="x"
        ),
        "spare": spare,
    }


@pytest.fixture
def world(alice: User, bob: User) -> World:
    manager = user_actor(alice)
    own = services.create_case(actor=manager, title="Own")
    foreign = services.create_case(actor=manager, title="Foreign secret title")
    rows = {}
    for case in (own, foreign):
        services.add_member(actor=manager, case=case, user=bob, role="examiner")
        rows[case.pk] = furnish(manager, case, bob)
    return World(own, foreign, manager, bob, rows)


@pytest.fixture
def as_role(world: World) -> Callable[[str], Actor]:
    """``as_role("viewer")``: an actor who has that role in the own case only."""

    def make(role: str) -> Actor:
        if role == "worker":
            return worker_actor("gpu-1")
        if role == "system":
            return system_actor()
        site_role = {"auditor": "auditor"}.get(role, "")
        if role.startswith("administrator"):
            site_role = "administrator"
        user = User.objects.create_user("tested", password="x", site_role=site_role)
        actor = user_actor(user)
        if role in CaseRole.values:
            services.add_member(actor=world.manager, case=world.own, user=user, role=role)
        if role.endswith("broken glass"):
            services.open_break_glass(actor=actor, case=world.own, reason="test")
        return actor

    return make


Call = Callable[[Actor, dict[str, Any]], Any]


def offered_to(actor: Actor, rows: dict[str, Any]) -> Transfer:
    """A transfer that waits for the actor, or for somebody else when they cannot receive one."""
    receiver = actor.user or rows["spare"]
    with audited():
        transfer = Transfer.objects.create(
            exhibit=rows["second"], giver_label="alice", receiver=receiver, purpose="x"
        )
        append(actor=actor, action=Action.EVIDENCE_TRANSFER_OFFERED, subject=transfer)
    return transfer


SERVICES: dict[str, tuple[CaseAction, Call]] = {
    "add_member": (A.MANAGE, lambda a, r: services.add_member(
        actor=a, case=r["case"], user=r["spare"], role="viewer")),
    "remove_member": (A.MANAGE, lambda a, r: services.remove_member(
        actor=a, case=r["case"], user=r["spare"])),
    "edit_case": (A.MANAGE, lambda a, r: services.edit_case(
        actor=a, case=r["case"], title="New", description="")),
    "close_case": (A.MANAGE, lambda a, r: services.close_case(actor=a, case=r["case"])),
    "reopen_case": (A.MANAGE, lambda a, r: services.reopen_case(
        actor=a, case=r["case"], reason="x")),
    "record_case_view": (A.VIEW, lambda a, r: services.record_case_view(actor=a, case=r["case"])),
    "add_note": (A.ANNOTATE, lambda a, r: services.add_note(actor=a, case=r["case"], text="x")),
    "receive_evidence": (A.CONTRIBUTE, lambda a, r: services.receive_evidence(
        actor=a, case=r["case"], stream=io.BytesIO(wav_bytes()), filename="x.wav")),
    "open_exhibit": (A.DOWNLOAD, lambda a, r: services.open_exhibit(
        actor=a, exhibit=r["exhibit"], purpose="x")),
    "verify_exhibit": (A.VERIFY, lambda a, r: services.verify_exhibit(
        actor=a, exhibit=r["exhibit"])),
    "unfreeze_exhibit": (A.MANAGE, lambda a, r: services.unfreeze_exhibit(
        actor=a, exhibit=r["exhibit"], reason="x")),
    "record_view": (A.VIEW, lambda a, r: services.record_view(actor=a, exhibit=r["exhibit"])),
    "record_analysis": (A.ANALYSE, lambda a, r: services.record_analysis(
        actor=a, exhibit=r["exhibit"], purpose="x", sha256_before="", sha256_after="")),
    "record_export": (A.EXPORT, lambda a, r: services.record_export(
        actor=a, exhibit=r["exhibit"], purpose="x", export="1")),
    "record_return": (A.TRANSFER, lambda a, r: services.record_return(
        actor=a, exhibit=r["exhibit"], returned_to="Owner", purpose="x")),
    "offer_transfer": (A.TRANSFER, lambda a, r: services.offer_transfer(
        actor=a, exhibit=r["exhibit"], receiver=r["spare"], purpose="x")),
    "accept_transfer": (A.TRANSFER, lambda a, r: services.accept_transfer(
        actor=a, transfer=offered_to(a, r))),
    "decline_transfer": (A.TRANSFER, lambda a, r: services.decline_transfer(
        actor=a, transfer=offered_to(a, r), reason="x")),
    "place_hold": (A.MANAGE, lambda a, r: services.place_hold(
        actor=a, case=r["case"], matter="x", reason="x")),
    "release_hold": (A.MANAGE, lambda a, r: services.release_hold(
        actor=a, hold=r["hold"], reason="x")),
    "request_destruction": (A.DESTROY, lambda a, r: services.request_destruction(
        actor=a, exhibit=r["exhibit"], reason="x", authority="x")),
    "approve_destruction": (A.DESTROY, lambda a, r: services.approve_destruction(
        actor=a, request=r["request"])),
    "decline_destruction": (A.DESTROY, lambda a, r: services.decline_destruction(
        actor=a, request=r["request"], reason="x")),
    "start_upload": (A.CONTRIBUTE, lambda a, r: services.start_upload(
        actor=a, case=r["case"], filename="x.wav", size=10)),
}  # fmt: skip
# Not decided by a role in the case, or on rows that only exist for one person: tested elsewhere.
OTHER_SERVICES = {
    "create_case", "open_break_glass", "end_break_glass", "add_bytes", "finish_if_complete",
    "terminate_upload", "save_view", "remove_view",
}  # fmt: skip
# Steps that only people take: the platform itself may not, whatever the table says.
PEOPLE_ONLY = {
    "accept_transfer", "decline_transfer", "request_destruction", "approve_destruction",
    "decline_destruction", "release_hold", "start_upload",
}  # fmt: skip

SELECTORS: dict[str, tuple[CaseAction, Call]] = {
    "cases_for": (A.VIEW, lambda a, r: selectors.cases_for(a).filter(pk=r["case"].pk)),
    "cases_to_contribute": (A.CONTRIBUTE, lambda a, r: selectors.cases_to_contribute(a).filter(
        pk=r["case"].pk)),
    "get_case": (A.VIEW, lambda a, r: selectors.get_case(a, r["case"].number)),
    "get_case_by_id": (A.VIEW, lambda a, r: selectors.get_case_by_id(a, r["case"].pk)),
    "members_of": (A.VIEW, lambda a, r: selectors.members_of(a, r["case"])),
    "exhibits_for": (A.VIEW, lambda a, r: selectors.exhibits_for(a).filter(case=r["case"])),
    "exhibits_of": (A.VIEW, lambda a, r: selectors.exhibits_of(a, r["case"])),
    "get_exhibit": (A.VIEW, lambda a, r: selectors.get_exhibit(a, r["exhibit"].pk)),
    "get_exhibit_by_number": (A.VIEW, lambda a, r: selectors.get_exhibit_by_number(
        a, r["case"].number, 1)),
    "same_content": (A.VIEW, lambda a, r: selectors.same_content(
        a, Exhibit(sha256=r["exhibit"].sha256)).filter(case=r["case"])),
    "custody_of": (A.VIEW, lambda a, r: selectors.custody_of(a, r["exhibit"])),
    "notes_of": (A.VIEW_FINDINGS, lambda a, r: selectors.notes_of(a, r["case"])),
    "holds_of": (A.VIEW, lambda a, r: selectors.holds_of(a, r["case"])),
    "transfers_of": (A.VIEW, lambda a, r: selectors.transfers_of(a, r["second"])),
    "destruction_requests_of": (A.VIEW, lambda a, r: selectors.destruction_requests_of(
        a, r["case"])),
}  # fmt: skip
# The actor's own rows, emergency access, or counts in cases already found: tested elsewhere.
OTHER_SELECTORS = {
    "transfers_waiting_for", "uploads_of", "break_glass_of", "actions_in", "saved_views_of",
    "exhibit_counts",
}  # fmt: skip


def test_every_service_and_selector_is_in_the_matrix() -> None:
    assert set(services.__all__) == set(SERVICES) | OTHER_SERVICES
    public = {
        name
        for name, item in vars(selectors).items()
        if inspect.isfunction(item) and not name.startswith("_")
    }
    assert public == set(SELECTORS) | OTHER_SELECTORS


def test_the_table_is_the_one_that_was_agreed() -> None:
    named = {role.value: set(actions) for role, actions in ROLE_ACTIONS.items()}
    named["administrator with broken glass"] = named.pop(Standing.BREAK_GLASS)
    assert {**named, "administrator": set(), "outsider": set()} == EXPECTED


@pytest.mark.parametrize("role", EXPECTED)
def test_both_ways_to_ask_agree_with_the_table(world: World, as_role, role: str) -> None:
    actor = as_role(role)
    for action in CaseAction:
        granted = action in EXPECTED[role]
        assert allowed(actor, world.own, action) is granted, action
        found = Case.objects.restrict(actor, action).filter(pk=world.own.pk).exists()
        assert found is granted, action
    assert actions_in(actor, world.foreign) == (EXPECTED[role] if everywhere(role) else set())


@contextlib.contextmanager
def undone() -> Iterator[None]:
    """Whatever happens to the database inside is taken back, so the next attempt starts alike."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def attempt(call: Call, actor: Actor, rows: dict[str, Any]) -> str:
    """``done`` or ``refused``; a refusal must be on the ledger and tell nothing of the case."""
    before = AuditEvent.objects.filter(action="permission.denied").count()
    outcome, words = "done", ""
    try:
        call(actor, rows)
    except PermissionDenied as refusal:
        outcome, words = "refused", str(refusal)
    except CasesError:
        pass  # allowed, though the state of the row stands against it
    assert "secret" not in words
    assert rows["case"].number not in words
    recorded = AuditEvent.objects.filter(action="permission.denied").count() - before
    assert recorded == (outcome == "refused")
    return outcome


def everywhere(role: str) -> bool:
    """Whether the role's rights reach into every case."""
    return role in ("auditor", "worker", "system")


@pytest.mark.parametrize("role", EXPECTED)
def test_services(world: World, as_role, role: str) -> None:
    actor = as_role(role)
    outcomes, expected = {}, {}
    for case, reached_by_role in ((world.own, True), (world.foreign, everywhere(role))):
        for name, (action, call) in SERVICES.items():
            may = reached_by_role and action in EXPECTED[role]
            may = may and not (name in PEOPLE_ONLY and actor.user is None)
            expected[case.title, name] = "done" if may else "refused"
            with undone():
                outcomes[case.title, name] = attempt(call, actor, world.rows[case.pk])
    assert outcomes == expected


def reached(call: Call, actor: Actor, rows: dict[str, Any]) -> bool:
    """Whether a selector gives anything; a refusal looks like something that does not exist."""
    try:
        found = call(actor, rows)
    except (Case.DoesNotExist, Exhibit.DoesNotExist):
        return False
    return bool(found.exists()) if hasattr(found, "exists") else found is not None


@pytest.mark.parametrize("role", EXPECTED)
def test_selectors(world: World, as_role, role: str) -> None:
    actor = as_role(role)
    outcomes, expected = {}, {}
    for case, reached_by_role in ((world.own, True), (world.foreign, everywhere(role))):
        rows = world.rows[case.pk]
        services.add_note(actor=world.manager, case=case, text="x")
        offered_to(world.manager, rows)
        for name, (action, call) in SELECTORS.items():
            expected[case.title, name] = reached_by_role and action in EXPECTED[role]
            outcomes[case.title, name] = reached(call, actor, rows)
    assert outcomes == expected
