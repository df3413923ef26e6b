"""Every API route for API keys: one scope alone, another case, another network, expired, revoked.

What a key needs follows from the same table of routes (``routes.py``) and from
``cases.permissions.ACTION_SCOPES``. Alice manages both cases, so only the key can stand in the way.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from accounts.actors import user_actor
from accounts.api.views import FrontDesk
from accounts.models import ApiKey, User
from accounts.scopes import Scope
from accounts.services import create_api_key, revoke_api_key
from cases.permissions import ACTION_SCOPES, CaseAction
from tests.cases.media import image_bytes, recording, wav_bytes
from tests.matrix.routes import ROUTES, Need
from tests.matrix.test_every_route import WORKED, ask, parameters, world

__all__ = ["world"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_server")]

EVERY = tuple(scope.value for scope in Scope)
# Routes that ask for a scope of their own besides the action's.
BESIDES = {"api:case_ledger": Scope.AUDIT_READ, "api:case_proof": Scope.AUDIT_READ}


def api_routes() -> Iterator[tuple[str, str, Need]]:
    """Name, method and need of every API route that names something of a case."""
    for name, methods in ROUTES.items():
        if name.startswith(("api:", "status", "api_status")) and parameters()[name]:
            for method, need in methods.items():
                yield name, method, need


def make(owner: User, scopes: Any, **options: Any) -> tuple[ApiKey, Client]:
    key, plaintext = create_api_key(
        actor=user_actor(owner),
        owner=owner,
        name="matrix",
        scopes=scopes,
        expires_at=timezone.now() + timedelta(hours=1),
        **options,
    )
    return key, Client(headers={"Authorization": f"Bearer {plaintext}"})


def opens(scopes: tuple[str, ...], action: CaseAction) -> bool:
    return bool(ACTION_SCOPES[action] & {Scope(scope) for scope in scopes})


@pytest.mark.parametrize("scope", EVERY)
def test_one_scope_opens_only_what_it_is_for(
    world: dict[str, Any], alice: User, scope: str
) -> None:
    _, client = make(alice, [scope])
    faults = {}
    for name, method, need in api_routes():
        action = CaseAction(need.action)
        besides = BESIDES.get(name)
        status = ask(client, method, name, need, world["own"])[0].status_code
        if not opens((scope,), action) or besides not in (None, scope):
            right = status in (403, 404)
        elif opens((scope,), CaseAction.VIEW):
            right = status in WORKED
        else:  # the action is allowed, but its case cannot be seen with this scope alone
            right = status in WORKED | {403, 404}
        if not right:
            faults[f"{method} {name}"] = status
    assert not faults


def test_a_key_of_one_case_knows_no_other(world: dict[str, Any], alice: User) -> None:
    _, client = make(alice, EVERY, case_id=world["own"]["case"].pk)
    for name, method, need in api_routes():
        if not ACTION_SCOPES[CaseAction(need.action)]:
            continue  # acts of people, no key's
        own = ask(client, method, name, need, world["own"])[0].status_code
        foreign, body = ask(client, method, name, need, world["foreign"])
        assert own in WORKED, (method, name)
        assert foreign.status_code == 404, (method, name)
        assert world["foreign"]["word"] not in body, (method, name)
    lists = ("cases", "evidence", "analyses", "all_reviews", "all_review_requests")
    for name in (*(f"api:{one}" for one in lists), "history"):
        assert world["foreign"]["word"] not in client.get(reverse(name)).content.decode()


def test_filters_and_bodies_with_ids_of_another_case(world: dict[str, Any], alice: User) -> None:
    own, foreign = world["own"], world["foreign"]
    _, client = make(alice, EVERY, case_id=own["case"].pk)
    for address in (
        f"/api/v1/evidence?case={foreign['case'].pk}",
        f"/api/v1/evidence?sha256={foreign['sha256']}&case={foreign['case'].pk}",
        f"/api/v1/analyses?case={foreign['case'].pk}",
        f"/api/v1/analyses?exhibit={foreign['exhibit_id']}",
        f"/api/v1/cases?number={foreign['number']}",
        f"/api/v1/reviews?case={foreign['case'].pk}",
        f"/api/v1/review-requests?analysis={foreign['analysis_id']}",
    ):
        assert client.get(address).json()["results"] == [], address
    for path, body in (
        ("/api/v1/analyses", {"exhibit": str(foreign["exhibit_id"])}),
        ("/api/v1/analyses/batch", {"exhibits": [str(foreign["exhibit_id"])]}),
        (
            f"/api/v1/cases/{own['case'].pk}/notes",
            {"text": "x", "exhibit": str(foreign["exhibit_id"])},
        ),
        (f"/api/v1/cases/{own['case'].pk}/exports", {"exhibits": [str(foreign["exhibit_id"])]}),
        ("/api/v1/webhooks", {"url": "https://93.184.215.14/", "events": ["case.closed"],
                              "case": str(foreign["case"].pk)}),
    ):  # fmt: skip
        cache.clear()
        answer = client.post(path, body, content_type="application/json")
        assert answer.status_code in (404, 422), (path, answer.content)
        assert foreign["word"] not in answer.content.decode()


@pytest.mark.parametrize("how", ["revoked", "expired", "elsewhere", "owner left"])
def test_a_key_that_ended_opens_nothing(world: dict[str, Any], alice: User, how: str) -> None:
    networks = ["192.0.2.0/24"] if how == "elsewhere" else []
    key, client = make(alice, EVERY, allowed_networks=networks)
    if how == "revoked":
        revoke_api_key(actor=user_actor(alice), api_key=key)
    if how == "expired":
        ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now())
    if how == "owner left":
        User.objects.filter(pk=alice.pk).update(is_active=False)
    for name, method, need in api_routes():
        answer, body = ask(client, method, name, need, world["own"])
        assert answer.status_code == 401, (method, name)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert world["own"]["word"] not in body


def posts() -> Iterator[tuple[str, Need]]:
    """Every POST of the API that the table knows."""
    for name, methods in ROUTES.items():
        if name.startswith("api:") and "post" in methods:
            yield name, methods["post"]


def twice(client: Client, address: str, make_options: Any) -> tuple[Any, Any]:
    """The same request twice with one key; what it changed is taken back."""
    cache.clear()
    headers = {"Idempotency-Key": "one-and-the-same"}
    with transaction.atomic():
        first, second = (client.post(address, headers=headers, **make_options()) for _ in range(2))
        transaction.set_rollback(True)
    return first, second


def test_every_post_is_done_once(world: dict[str, Any], alice: User) -> None:
    _, client = make(alice, EVERY)
    rows = world["own"]
    for name, need in posts():
        address = reverse(name, kwargs={key: rows[key] for key in parameters()[name]})
        kind = {"content_type": "application/json"} if need.json else {}
        first, second = twice(
            client, address, lambda need=need, kind=kind: {"data": need.body(rows), **kind}
        )
        assert second.status_code == first.status_code, name
        assert second.headers.get("Idempotency-Replayed") == "true", name
        assert "Idempotency-Replayed" not in first.headers, name
        assert second.content == first.content, name
        assert second.headers["Content-Type"] == first.headers["Content-Type"], name


@pytest.mark.parametrize(
    ("address", "field", "kind"),
    [
        ("/detect/audio", "file", "audio"), ("/detect/image", "file", "image"),
        ("/detect/video", "file", "video"), ("/detect/multimodal", "audio", "audio"),
        ("/batch", "files", "audio"), ("/analyze", "file", "image"),
        ("/api/v1/detect/audio", "audio", "audio"), ("/api/v1/detect/image", "image", "image"),
        ("/api/v1/detect/video", "video", "video"), ("/api/upload", "file", "audio"),
    ],
)  # fmt: skip
def test_every_upload_of_earlier_systems_is_done_once(
    world: dict[str, Any], alice: User, tmp_path: Path, address: str, field: str, kind: str
) -> None:
    _, client = make(alice, EVERY, case_id=world["own"]["case"].pk)
    content = {
        "audio": lambda: wav_bytes(tone=880),
        "image": lambda: image_bytes("png", seed=3),
        "video": lambda: recording(tmp_path / "a.mp4", video="mpeg4").read_bytes(),
    }[kind]()

    def again() -> Any:
        stream = io.BytesIO(content)
        stream.name = "again"
        return {"data": {field: stream}}

    client.defaults["HTTP_PREFER"] = "wait=0"
    first, second = twice(client, address, again)
    assert first.status_code in (200, 202), first.content
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second.headers["Idempotency-Replayed"] == "true"


def test_every_api_view_shares_the_front_desk() -> None:
    """Idempotency, limits and rate headers come from ``FrontDesk``; nobody goes around it."""
    outside = {
        str(pattern.pattern)
        for pattern in _patterns(get_resolver(), "")
        if not issubclass(getattr(pattern.callback, "cls", FrontDesk), FrontDesk)
    }
    assert outside == {"schema", "docs", "redoc"}


def _patterns(resolver: Any, prefix: str) -> Iterator[Any]:
    for item in resolver.url_patterns:
        if hasattr(item, "url_patterns"):
            if str(item.pattern) != "admin/":
                yield from _patterns(item, prefix + str(item.pattern))
        elif hasattr(item.callback, "cls"):
            yield item
