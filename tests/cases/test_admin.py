"""Django admin: administrators see cases from the outside until they break the glass."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.actors import user_actor
from cases import services
from cases.models import BreakGlass, Case
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

MODELS = [m for m in admin.site._registry if m._meta.app_label == "cases"]


def signed_in(username: str) -> Client:
    """Through the sign-in page, so that the sign-in counts as recent."""
    client = Client()
    client.post(reverse("account_login"), {"login": username, "password": PASSWORD})
    assert client.session.get("_auth_user_id")
    return client


@pytest.fixture
def furnished(case: Case, exhibit: Any, alice: Any, bob: Any) -> Case:
    """Alice's case with a row of everything, each holding words that must not leak."""
    actor = user_actor(alice)
    services.add_note(actor=actor, case=case, text="leak")
    services.place_hold(
        actor=actor,
        case=case,
        matter="leak",
        reason="leak",
        exhibit=services.receive_evidence(
            actor=actor, case=case, stream=[b"\xff\xd8\xff" + bytes(99)], filename="leak.jpg"
        ),
    )
    services.offer_transfer(actor=actor, exhibit=exhibit, receiver=bob, purpose="leak")
    services.request_destruction(actor=actor, exhibit=exhibit, reason="leak", authority="leak")
    services.start_upload(actor=actor, case=case, filename="leak.wav", size=9)
    return case


@pytest.mark.parametrize("model", MODELS)
def test_administrator_reads_no_case_content(furnished: Case, admin_user: Any, model: Any) -> None:
    client = signed_in("admin")
    name = f"admin:cases_{model._meta.model_name}"
    page = client.get(reverse(f"{name}_changelist"))
    assert page.status_code == 200
    body = page.content.decode()
    assert "leak" not in body
    assert furnished.title not in body
    for row in model.objects.all()[:3]:
        answer = client.get(reverse(f"{name}_change", args=[row.pk]), follow=True).content.decode()
        assert "leak" not in answer
        assert furnished.title not in answer


@pytest.mark.parametrize("model", MODELS)
def test_auditor_reads_everything_and_changes_nothing(
    furnished: Case, admin_user: Any, auditor: Any, model: Any
) -> None:
    auditor.is_staff = True
    auditor.save()
    client = signed_in("auditor")
    name = f"admin:cases_{model._meta.model_name}"
    assert client.get(reverse(f"{name}_changelist")).status_code == 200
    assert client.get(reverse(f"{name}_add")).status_code == 403
    for row in model.objects.all()[:1]:
        page = client.get(reverse(f"{name}_change", args=[row.pk]))
        assert page.status_code == 200
        assert 'name="_save"' not in page.content.decode()
        assert client.post(reverse(f"{name}_change", args=[row.pk]), {}).status_code == 403
        assert client.post(reverse(f"{name}_delete", args=[row.pk])).status_code == 403


def test_case_is_seen_from_the_outside(furnished: Case, admin_user: Any) -> None:
    body = signed_in("admin").get(reverse("admin:cases_case_changelist")).content.decode()
    assert furnished.number in body
    assert "alice" in body


def test_glass_is_broken_with_a_reason(furnished: Case, admin_user: Any) -> None:
    client = signed_in("admin")
    address = reverse("admin:cases_break_glass", args=[furnished.pk])
    assert "Break the glass" in client.get(address).content.decode()
    assert client.post(address, {"reason": " ", "hours": 1}).status_code == 200
    assert not BreakGlass.objects.exists()
    page = client.post(address, {"reason": "Manager left", "hours": 2}, follow=True)
    assert BreakGlass.objects.get().reason == "Manager left"
    assert furnished.title in page.content.decode()


def test_only_administrators_break_it_and_only_after_a_recent_sign_in(
    furnished: Case, admin_user: Any, auditor: Any
) -> None:
    auditor.is_staff = True
    auditor.save()
    address = reverse("admin:cases_break_glass", args=[furnished.pk])
    assert signed_in("auditor").post(address, {"reason": "x", "hours": 1}).status_code == 403
    stale = Client()
    stale.force_login(admin_user)
    assert "reauthenticate" in stale.post(address, {"reason": "x", "hours": 1})["Location"]
    assert not BreakGlass.objects.exists()
