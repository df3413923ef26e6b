"""Signing in through an identity provider, against one that really runs."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEvent
from tests.accounts.identity_provider import CLIENT, SECRET, running_provider

pytestmark = pytest.mark.django_db
LOGIN = "/account/oidc/laboratory/login/"


@pytest.fixture
def provider(settings: Any) -> Iterator[str]:
    """The configured provider's address."""
    cache.clear()
    with running_provider() as address:
        app = {
            "provider_id": "laboratory",
            "name": "Laboratory",
            "client_id": CLIENT,
            "secret": SECRET,
            "settings": {"server_url": f"{address}/.well-known/openid-configuration"},
        }
        settings.SOCIALACCOUNT_PROVIDERS = {
            "openid_connect": {"APPS": [app], "OAUTH_PKCE_ENABLED": True}
        }
        yield address


def at_provider(address: str) -> str:
    """Where the provider sends the browser back to."""
    where = urlsplit(address)
    connection = http.client.HTTPConnection(where.netloc, timeout=10)
    connection.request("GET", f"{where.path}?{where.query}")
    answer = connection.getresponse()
    assert answer.status == 302, answer.read()
    back = urlsplit(answer.headers["Location"])
    connection.close()
    return f"{back.path}?{back.query}"


def sign_in(client: Client, provider: str) -> Any:
    """The whole round trip; the answer to the browser's return."""
    leaving = client.post(LOGIN)
    assert leaving.status_code == 302
    assert leaving["Location"].startswith(f"{provider}/authorize?")
    return client.get(at_provider(leaving["Location"]))


def test_the_sign_in_page_offers_the_provider(client: Client, provider: str) -> None:
    page = client.get("/account/login/").content.decode()
    assert "Laboratory" in page
    assert LOGIN in page


def test_a_person_of_the_provider_gets_an_account_without_any_role(
    client: Client, provider: str
) -> None:
    answer = sign_in(client, provider)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    dora = User.objects.get(username="dora")
    assert (dora.site_role, dora.is_staff, dora.is_superuser) == ("", False, False)
    assert not dora.has_usable_password()
    assert client.get("/cases/").status_code == 200
    entry = AuditEvent.objects.filter(action=Action.SIGN_IN_SUCCEEDED).latest("id")
    assert entry.subject == f"accounts.user:{dora.pk}"


def test_the_same_person_comes_back_to_the_same_account(provider: str) -> None:
    for _ in range(2):
        sign_in(Client(), provider)
    assert User.objects.count() == 1


def test_an_account_of_the_same_name_is_not_taken_over(
    client: Client, provider: str, alice: User
) -> None:
    User.objects.create_user("dora", email="dora@example.org", password="x" * 20)
    sign_in(client, provider)
    local = User.objects.get(username="dora")
    assert local.has_usable_password()
    assert client.session.get("_auth_user_id") != str(local.pk)


def test_a_return_that_nobody_asked_for_is_refused(client: Client, provider: str) -> None:
    stolen = at_provider(Client().post(LOGIN)["Location"])
    client.get(stolen)
    assert "_auth_user_id" not in client.session
    assert not User.objects.exists()
