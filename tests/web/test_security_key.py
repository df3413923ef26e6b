"""A security key (WebAuthn) is added and used in a real browser with a virtual authenticator."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from playwright.sync_api import CDPSession, Page, expect

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEvent
from tests.conftest import PASSWORD
from tests.web.conftest import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

KEY = {
    "protocol": "ctap2",
    "transport": "usb",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def plug_in(visitor: Visitor) -> CDPSession:
    """Give the browser a security key whose button is pressed at once."""
    devtools = visitor.context.new_cdp_session(visitor.page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    return devtools


def add_key(page: Page) -> None:
    page.goto("/account/2fa/webauthn/add/")
    page.get_by_label("Name").fill("The key on my ring")
    page.locator("#mfa_webauthn_add").click()
    expect(page).not_to_have_url(re.compile("webauthn/add"))


def give_password(page: Page) -> None:
    page.goto("/account/login/")
    page.locator("[name=login]").fill("alice")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("form:has([name=password]) [type=submit]").click()
    expect(page).to_have_url(re.compile("/account/2fa/authenticate/"))


def test_a_key_is_added_and_then_asked_for(
    visit: Callable[..., Visitor], alice: User, site: str
) -> None:
    cache.clear()
    visitor = visit()
    page = visitor.enter(alice)
    plug_in(visitor)
    add_key(page)
    kinds: Any = Authenticator.objects.filter(user=alice).values_list("type", flat=True)
    assert "webauthn" in set(kinds)
    assert AuditEvent.objects.filter(action=Action.MFA_ADDED).exists()

    visitor.context.clear_cookies()
    give_password(page)
    page.locator("#mfa_webauthn_authenticate").click()
    expect(page).to_have_url(f"{site}/")
    last = AuditEvent.objects.filter(action=Action.SIGN_IN_SUCCEEDED).latest("id")
    assert last.actor_label == "alice"


def test_the_password_alone_does_not_do(
    visit: Callable[..., Visitor], alice: User, site: str
) -> None:
    cache.clear()
    visitor = visit()
    page = visitor.enter(alice)
    plug_in(visitor)
    add_key(page)
    visitor.context.clear_cookies()
    give_password(page)
    page.goto("/cases/")
    expect(page).to_have_url(re.compile("/account/(login|2fa/authenticate)/"))
