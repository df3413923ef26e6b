"""Signing in, second factors, lock-out and confirmation, as a browser meets them."""

from __future__ import annotations

import dataclasses
import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import ApiKey, User
from audit.actions import Action
from audit.models import AuditEvent
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
LOGIN = "/account/login/"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture(autouse=True)
def _fresh_rate_limits() -> None:
    """allauth counts attempts in the cache, which outlives a test."""
    cache.clear()


def sign_in(client: Client, name: str, password: str = PASSWORD) -> Any:
    return client.post(LOGIN, {"login": name, "password": password})


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


def totp_code() -> str:
    return format_hotp_value(hotp_value(SECRET, int(time.time()) // 30))


@pytest.mark.parametrize("name", ["alice", "alice@example.org"])
def test_name_or_address_and_password_sign_in_and_out(
    client: Client, alice: User, name: str
) -> None:
    assert sign_in(client, name)["Location"] == "/"
    client.post("/account/logout/")
    assert actions() == [Action.SIGN_IN_SUCCEEDED, Action.SIGN_IN_ENDED]
    entry = AuditEvent.objects.earliest("id")
    assert (entry.actor_label, entry.ip) == ("alice", "127.0.0.1")
    assert entry.subject == f"accounts.user:{alice.pk}"


def test_a_failed_sign_in_is_recorded_without_what_was_typed(client: Client, alice: User) -> None:
    sign_in(client, "alice", "wrong password")
    sign_in(client, "hunter2-typed-as-name", "x")
    first, second = AuditEvent.objects.order_by("id")
    assert {first.action, second.action} == {Action.SIGN_IN_FAILED}
    assert (first.actor_kind, first.subject) == ("anonymous", f"accounts.user:{alice.pk}")
    assert second.subject == "accounts.user:unknown"
    assert "hunter2" not in second.payload_text + second.subject


def test_after_five_failures_the_name_is_locked_for_a_while(client: Client, alice: User) -> None:
    for _ in range(5):
        sign_in(client, "alice", "wrong password")
        cache.clear()
    assert sign_in(client, "alice").status_code == 429
    assert Action.SIGN_IN_LOCKED_OUT in actions()
    assert Action.SIGN_IN_SUCCEEDED not in actions()
    cache.clear()
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        assert sign_in(client, "alice").status_code == 302
    assert actions()[-1] == Action.SIGN_IN_SUCCEEDED


def test_nobody_signs_up_by_himself(client: Client, db: None) -> None:
    form = {
        "username": "mallory", "email": "m@example.org", "password1": PASSWORD,
        "password2": PASSWORD,
    }  # fmt: skip
    client.post("/account/signup/", form)
    assert not User.objects.filter(username="mallory").exists()


def test_a_second_factor_is_asked_for_and_a_wrong_code_recorded(
    client: Client, alice: User
) -> None:
    TOTP.activate(alice, SECRET)
    assert sign_in(client, "alice")["Location"] == reverse("mfa_authenticate")
    assert client.get("/account/keys/").status_code == 302
    client.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert actions() == [Action.SIGN_IN_FAILED]
    assert AuditEvent.objects.get().payload == {"factor": "totp"}
    assert client.post(reverse("mfa_authenticate"), {"code": totp_code()}).status_code == 302
    assert actions()[-1] == Action.SIGN_IN_SUCCEEDED
    assert client.get("/account/keys/").status_code == 200


def test_a_recovery_code_opens_once(client: Client, alice: User) -> None:
    TOTP.activate(alice, SECRET)
    code = RecoveryCodes.activate(alice).get_unused_codes()[0]
    for expected in (302, 200):
        other = Client()
        sign_in(other, "alice")
        answer = other.post(reverse("mfa_authenticate"), {"code": code})
        assert answer.status_code == expected


@pytest.mark.django_db(transaction=True)
def test_adding_and_removing_a_factor_is_recorded(client: Client, alice: User) -> None:
    sign_in(client, "alice")
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    page = client.get(reverse("mfa_activate_totp"))
    secret = page.context["form"].secret
    code = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    assert client.post(reverse("mfa_activate_totp"), {"code": code}).status_code == 302
    assert Authenticator.objects.filter(user=alice, type="totp").exists()
    client.post(reverse("mfa_deactivate_totp"))
    assert Action.MFA_ADDED in actions()
    assert Action.MFA_REMOVED in actions()
    assert Action.SIGN_IN_CONFIRMED in actions()


def test_the_site_may_demand_a_second_factor(client: Client, alice: User, settings: Any) -> None:
    settings.DFD = dataclasses.replace(settings.DFD, require_mfa=True)
    sign_in(client, "alice")
    answer = client.get("/cases/")
    assert (answer.status_code, answer["Location"]) == (302, reverse("mfa_index"))
    assert client.get(reverse("mfa_index")).status_code == 200
    TOTP.activate(alice, SECRET)
    assert client.get("/cases/").status_code == 200


def test_a_dangerous_act_waits_for_a_confirmation_and_is_then_done(
    client: Client, alice: User
) -> None:
    sign_in(client, "alice")
    form = {"name": "robot", "scopes": ["case:read"], "days": "30", "networks": ""}
    with time_machine.travel(timezone.now() + timedelta(minutes=10)):
        answer = client.post("/account/keys/new/", form)
        assert answer["Location"].startswith("/account/reauthenticate/")
        assert not ApiKey.objects.exists()
        wrong = client.post(answer["Location"], {"password": "wrong"})
        assert wrong.status_code == 200
        assert not ApiKey.objects.exists()
        done = client.post(answer["Location"], {"password": PASSWORD, "next": "/account/keys/new/"})
    assert ApiKey.objects.get().name == "robot"
    assert b"dfd_" in done.content
    assert Action.SIGN_IN_CONFIRMED in actions()


def test_a_fresh_sign_in_needs_no_confirmation(client: Client, alice: User) -> None:
    sign_in(client, "alice")
    form = {"name": "robot", "scopes": ["case:read"], "days": "30", "networks": ""}
    page = client.post("/account/keys/new/", form).content.decode()
    plaintext = page[page.index("dfd_") :][:60]
    assert ApiKey.objects.get().key_id in plaintext
    assert plaintext not in client.get("/account/keys/").content.decode()


def test_the_admin_asks_on_the_same_sign_in_page(client: Client, admin_user: User) -> None:
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0].startswith(LOGIN)
    client.post("/admin/login/", {"username": "admin", "password": PASSWORD})
    assert "_auth_user_id" not in client.session
    sign_in(client, "admin")
    assert client.get("/admin/").status_code == 200


def test_a_refused_page_is_recorded(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.get("/admin/audit/auditevent/", follow=True).status_code == 403
    entry = AuditEvent.objects.get(action=Action.PERMISSION_DENIED)
    assert entry.subject == "page:/admin/login/"
    assert entry.actor_label == "alice"


def test_a_security_key_can_be_added_on_its_page(client: Client, alice: User) -> None:
    sign_in(client, "alice")
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    page = client.get(reverse("mfa_add_webauthn"))
    assert page.status_code == 200
    assert b"publicKey" in page.content


def test_a_configured_identity_provider_is_offered(client: Client, settings: Any, db: None) -> None:
    provider = {
        "provider_id": "lab",
        "name": "Laboratory sign-in",
        "client_id": "dfd",
        "settings": {"server_url": "https://id.example.org"},
    }
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [provider]}}
    assert b"Laboratory sign-in" in client.get(LOGIN).content
    assert client.get("/account/oidc/lab/login/").status_code == 200
