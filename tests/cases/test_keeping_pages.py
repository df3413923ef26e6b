"""The pages of keeping evidence, as people use them one after the other."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.actors import user_actor
from cases import services
from cases.models import DestructionRequest, LegalHold, Transfer

pytestmark = pytest.mark.django_db


def browser(user: Any, *, recent: bool = True) -> Client:
    """Signed in, and just now if ``recent``."""
    client = Client()
    client.force_login(user)
    if recent:
        session = client.session
        session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
        session["account_authentication_methods_user"] = str(user.pk)
        session.save()
    return client


def words(answer: Any) -> str:
    return answer.content.decode()


@pytest.fixture
def at(exhibit: Any) -> Any:
    """``at("offer")``: the address of that page for the exhibit."""
    return lambda name: reverse(f"cases:{name}", args=[exhibit.case.number, exhibit.number])


def test_hand_over_and_return(exhibit, at, alice, bob, carol, charlie) -> None:
    page = words(browser(alice).get(at("exhibit_custody")))
    assert exhibit.label in page
    assert "bob" in page
    # A reviewer cannot take custody, an outsider is not in the list.
    assert ">carol<" not in page
    assert ">charlie<" not in page
    offer = {"receiver": bob.pk, "purpose": "Examination"}
    answer = browser(alice).post(at("offer"), offer, follow=True)
    assert "offered" in words(answer)
    again = browser(alice).post(at("offer"), offer, follow=True)
    assert "on offer already" in words(again)
    browser(bob).post(
        reverse("cases:transfer", args=[Transfer.objects.get().pk]), {"answer": "accept"}
    )
    exhibit.refresh_from_db()
    assert exhibit.custodian == bob
    missing = browser(bob).post(at("give_back"), {"returned_to": "Owner"}, follow=True)
    assert "Purpose: This field is required" in words(missing)
    browser(bob).post(at("give_back"), {"returned_to": "Owner", "purpose": "Ended"})
    assert exhibit.custody.last().kind == "returned"


def test_hold_then_destruction_by_two(exhibit, at, case, alice, carol) -> None:
    services.add_member(actor=user_actor(alice), case=case, user=carol, role="manager")
    holds = reverse("cases:holds", args=[case.number])
    browser(alice).post(holds, {"matter": "Appeal 7/26", "reason": "Pending", "exhibit": ""})
    request = {"reason": "Retention over", "authority": "Rule 5"}
    held = browser(alice).post(at("ask_destruction"), request, follow=True)
    assert "legal hold for: Appeal 7/26" in words(held)

    release = reverse("cases:release_hold", args=[case.number, LegalHold.objects.get().pk])
    stale = browser(alice, recent=False).post(release, {"reason": "Decided"})
    assert "reauthenticate" in stale["Location"]
    browser(alice).post(release, {"reason": "Decided"})
    browser(alice).post(at("ask_destruction"), request)
    asked = DestructionRequest.objects.get()
    answer = reverse("cases:answer_destruction", args=[case.number, asked.pk])
    certificate = reverse("cases:certificate", args=[case.number, asked.pk])
    own = browser(alice).post(answer, {"answer": "approve"}, follow=True)
    assert "second person" in words(own)
    assert browser(alice).get(certificate).status_code == 404
    done = browser(carol).post(answer, {"answer": "approve"}, follow=True)
    assert "certificate" in words(done)
    document = browser(alice).get(certificate)
    assert json.loads(document.content)["sha256"] == exhibit.sha256
    assert "Destroyed" in words(browser(alice).get(at("exhibit_custody")))


def test_declining_needs_a_reason(exhibit, at, case, alice) -> None:
    browser(alice).post(at("ask_destruction"), {"reason": "x", "authority": "x"})
    asked = DestructionRequest.objects.get()
    answer = reverse("cases:answer_destruction", args=[case.number, asked.pk])
    refused = browser(alice).post(answer, {"answer": "decline"}, follow=True)
    assert "Reason: This field is required" in words(refused)
    browser(alice).post(answer, {"answer": "decline", "reason": "Asked by mistake"})
    asked.refresh_from_db()
    assert asked.status == "declined"


def test_only_those_who_may_are_offered_the_forms(exhibit, at, alice, carol, charlie) -> None:
    page = words(browser(carol).get(at("exhibit_custody")))
    for name in ("offer", "give_back", "ask_destruction"):
        assert at(name) not in page
        assert browser(carol).post(at(name), {}).status_code == 403
    assert browser(charlie).get(at("exhibit_custody")).status_code == 404


def test_manager_sees_and_ends_emergency_access(case, alice, bob, admin_user) -> None:
    access = services.open_break_glass(
        actor=user_actor(admin_user), case=case, reason="Manager ill"
    )
    people = reverse("cases:people", args=[case.number])
    end = reverse("cases:end_emergency", args=[case.number, access.pk])
    assert "Manager ill" in words(browser(bob).get(people))
    assert end not in words(browser(bob).get(people))
    assert browser(bob).post(end).status_code == 403
    assert "has ended" in words(browser(alice).post(end, follow=True))
    assert browser(admin_user).get(people).status_code == 404


def test_notes_come_in_pages_and_a_correction_leads_to_its_note(case, alice, monkeypatch) -> None:
    monkeypatch.setattr("cases.views.records.NOTES_A_PAGE", 2)
    actor = user_actor(alice)
    first = services.add_note(actor=actor, case=case, text="the first")
    for text in ("the second", "the third"):
        services.add_note(actor=actor, case=case, text=text, corrects=first)
    address = reverse("cases:notes", args=[case.number])
    newest = words(browser(alice).get(address))
    assert "the third" in newest
    assert "the first" not in newest
    assert f"?note={first.pk}#note-{first.pk}" in newest
    assert "the first" in words(browser(alice).get(address, {"note": first.pk}))
    assert "the third" in words(browser(alice).get(address, {"note": "no such thing"}))


def test_a_note_names_its_exhibit_by_number(exhibit, case, alice) -> None:
    address = reverse("cases:notes", args=[case.number])
    wrong = browser(alice).post(address, {"text": "on it", "exhibit": exhibit.number + 7})
    assert f"There is no exhibit {exhibit.number + 7} in this case." in words(wrong)
    browser(alice).post(address, {"text": "on it", "exhibit": exhibit.number})
    assert case.notes.get().exhibit == exhibit
