"""Web hooks over HTTP and on their pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import KeptAnswer, User
from cases.models import Case
from tests.api.conftest import api, client_with, key
from tests.conftest import PASSWORD
from tests.webhooks.conftest import Receiver
from webhooks.delivering import deliver_once
from webhooks.models import Endpoint
from webhooks.signing import secret_of

__all__ = ["api", "client_with", "key"]
pytestmark = pytest.mark.django_db


def body(receiver: Receiver, **more: Any) -> dict[str, Any]:
    return {"url": receiver.url, "events": ["evidence.received"], **more}


def test_life_of_a_web_hook(api: APIClient, case: Case, inside: None, receiver: Receiver) -> None:
    made = api.post("/api/v1/webhooks", body(receiver, case=str(case.pk)))
    assert made.status_code == 201, made.json()
    address = made.headers["Location"]
    assert made.json()["secret"] == secret_of(Endpoint.objects.get())
    assert made.headers["Cache-Control"] == "no-store"

    shown = api.get(address).json()
    assert "secret" not in shown
    assert shown["case"] == str(case.pk)
    assert api.get("/api/v1/webhooks").json()["results"] == [shown]

    assert api.post(f"{address}/ping").status_code == 202
    deliver_once()
    (delivery,) = api.get(f"{address}/deliveries").json()["results"]
    assert (delivery["type"], delivery["state"]) == ("ping", "delivered")
    assert delivery["log"][0]["status"] == 204
    again = api.post(f"/api/v1/deliveries/{delivery['id']}/redeliver")
    assert (again.status_code, again.json()["state"]) == (202, "pending")

    changed = api.patch(address, {"events": ["case.closed"], "enabled": False}).json()
    assert changed["events"] == ["case.closed"]
    assert changed["disabled_at"] is not None
    refused = api.post(f"/api/v1/deliveries/{delivery['id']}/redeliver")
    assert (refused.status_code, refused.json()["code"]) == (409, "disabled")
    assert api.patch(address, {"enabled": True}).json()["disabled_at"] is None
    rotated = api.post(f"{address}/rotate").json()["secret"]
    assert rotated != made.json()["secret"]
    assert api.delete(address).status_code == 204
    assert api.get(address).status_code == 404


def test_a_repeated_request_makes_one_and_keeps_no_secret(
    api: APIClient, inside: None, receiver: Receiver
) -> None:
    headers = {"Idempotency-Key": "once"}
    first = api.post("/api/v1/webhooks", body(receiver), headers=headers)
    second = api.post("/api/v1/webhooks", body(receiver), headers=headers)

    assert first.json()["id"] == second.json()["id"]
    assert second.json()["secret"] is None
    assert first.json()["secret"] not in KeptAnswer.objects.get().body


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "https://169.254.169.254/latest/meta-data/"}, "url"),
        ({"url": "x" * 501}, "invalid"),
        ({"events": []}, "invalid"),
        ({"events": ["no.such"]}, "invalid"),
        ({"case": "7"}, "invalid"),
    ],
)
def test_what_is_refused(api: APIClient, change: dict[str, Any], code: str) -> None:
    wanted = {"url": "https://93.184.215.14/", "events": ["case.closed"], **change}
    refused = api.post("/api/v1/webhooks", wanted)
    assert (refused.status_code, refused.json()["code"]) == (422, code)


def test_foreign_cases_and_foreign_hooks_do_not_exist(
    api: APIClient, charlie: User, case: Case, client_with: Callable[..., APIClient],
    inside: None, receiver: Receiver,
) -> None:  # fmt: skip
    hers = api.post("/api/v1/webhooks", body(receiver)).headers["Location"]
    api.post(f"{hers}/ping")
    (delivery,) = api.get(f"{hers}/deliveries").json()["results"]
    stranger = client_with(charlie)

    assert stranger.post("/api/v1/webhooks", body(receiver, case=str(case.pk))).status_code == 404
    assert stranger.get(hers).status_code == 404
    assert stranger.patch(hers, {"url": receiver.url}).status_code == 404
    assert stranger.delete(hers).status_code == 404
    assert stranger.post(f"{hers}/rotate").status_code == 404
    assert stranger.get(f"{hers}/deliveries").status_code == 404
    assert stranger.post(f"/api/v1/deliveries/{delivery['id']}/redeliver").status_code == 404


def test_a_key_of_one_case_makes_hooks_of_that_case_only(
    alice: User, case: Case, client_with: Callable[..., APIClient], api: APIClient,
    inside: None, receiver: Receiver,
) -> None:  # fmt: skip
    other = api.post("/api/v1/cases", {"title": "Other"}).json()["id"]
    bound = client_with(alice, "case:read", "case:write", case=case)

    assert bound.post("/api/v1/webhooks", body(receiver)).json()["case"] == str(case.pk)
    assert bound.post("/api/v1/webhooks", body(receiver, case=other)).status_code == 404
    reader = client_with(alice, "case:read")
    assert reader.get("/api/v1/webhooks").json()["results"] == []
    assert reader.post("/api/v1/webhooks", body(receiver)).status_code == 403
    assert client_with(alice, "case:write").get("/api/v1/webhooks").status_code == 403


def test_a_stale_session_confirms_first(alice: User, inside: None, receiver: Receiver) -> None:
    browser = APIClient()
    browser.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    refused = browser.post("/api/v1/webhooks", body(receiver))
    assert (refused.status_code, refused.json()["code"]) == (403, "confirm_sign_in")


def test_pages(client: Client, alice: User, case: Case, inside: None, receiver: Receiver) -> None:
    client.post("/account/login/", {"login": "alice", "password": PASSWORD})
    assert "No web hooks" in client.get("/account/webhooks/").content.decode()
    bad = client.post(
        "/account/webhooks/new/", {"url": "https://10.0.0.1/", "events": ["case.closed"]}
    )
    assert "not allowed" in bad.content.decode() or "public internet" in bad.content.decode()
    once = client.post(
        "/account/webhooks/new/",
        {"url": receiver.url, "case": str(case.pk), "events": ["evidence.received"]},
    ).content.decode()
    hook = Endpoint.objects.get()
    assert secret_of(hook) in once.replace("&#x3D;", "=")
    page = f"/account/webhooks/{hook.pk}/"
    for do in ("ping", "disable", "enable"):
        assert client.post(f"{page}act/", {"do": do}).status_code == 302
    deliver_once()
    shown = client.get(page).content.decode()
    assert "ping" in shown
    assert "204" in shown
    assert secret_of(hook) not in shown
    delivery = hook.deliveries.get()
    client.post(f"{page}act/", {"do": "redeliver", "delivery": str(delivery.pk)})
    assert hook.deliveries.get().state == "pending"
    assert client.post(f"{page}act/", {"do": "redeliver", "delivery": "x"}).status_code == 404
    assert client.post(f"{page}act/", {"do": "nothing"}).status_code == 404
    assert secret_of(hook) not in client.post(f"{page}rotate/").content.decode()
    assert hook.url in client.get("/account/webhooks/").content.decode()
    client.post(f"{page}act/", {"do": "delete"})
    assert client.get(page).status_code == 404
