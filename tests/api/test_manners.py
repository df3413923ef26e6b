"""What every address does: authentication, problems, idempotency, rates, conditional requests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.api.throttles import parse_rate
from accounts.models import ApiKey, User
from cases.models import Case
from tests.api.conftest import no_redis


def test_without_credentials_is_401_with_a_challenge(db: None) -> None:
    answer = APIClient().get("/api/v1/cases")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    problem = answer.json()
    assert problem["code"] == "not_authenticated"
    assert problem["request_id"] == answer.headers["X-Request-ID"] != ""


@pytest.mark.parametrize(
    "text", ["Bearer", "Bearer dfd_x.y", "Bearer " + "a" * 5000, "Bearer \xff"]
)
def test_malformed_keys_are_401(db: None, text: str) -> None:
    answer = APIClient().get("/api/v1/me", headers={"Authorization": text})

    assert answer.status_code == 401


def test_me_shows_scopes_and_case(
    alice: User, case: Case, client_with: Callable[..., APIClient]
) -> None:
    me = client_with(alice, "case:read", "analysis:run", case=case).get("/api/v1/me").json()

    assert me["kind"] == "api_key"
    assert me["scopes"] == ["analysis:run", "case:read"]
    assert me["case"] == str(case.pk)


def test_revoked_and_expired_keys_end_at_once(
    alice: User, client_with: Callable[..., APIClient]
) -> None:
    client = client_with(alice)
    assert client.get("/api/v1/me").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=2), tick=False):
        assert client.get("/api/v1/me").json()["code"] == "expired"
    ApiKey.objects.update(revoked_at=timezone.now())
    assert client.get("/api/v1/me").json()["code"] == "revoked"


def test_session_serves_people_and_asks_for_the_csrf_token(alice: User) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(alice)

    assert client.get("/api/v1/me").json()["kind"] == "user"
    assert client.post("/api/v1/cases", {"title": "Forged"}).status_code == 403


def test_same_idempotency_key_creates_once(api: APIClient) -> None:
    headers = {"Idempotency-Key": "one-two-three"}

    first = api.post("/api/v1/cases", {"title": "Once"}, headers=headers)
    second = api.post("/api/v1/cases", {"title": "Once"}, headers=headers)

    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert second.headers["Location"] == first.headers["Location"]
    assert second.headers["Idempotency-Replayed"] == "true"
    assert Case.objects.count() == 1
    other = api.post("/api/v1/cases", {"title": "Other"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        assert Case.objects.count() == 1


def test_idempotency_keys_of_two_callers_do_not_meet(
    api: APIClient, bob: User, client_with: Callable[..., APIClient]
) -> None:
    headers = {"Idempotency-Key": "same"}

    api.post("/api/v1/cases", {"title": "Alice's"}, headers=headers)
    client_with(bob).post("/api/v1/cases", {"title": "Bob's"}, headers=headers)

    assert Case.objects.count() == 2


def test_unchanged_is_304(api: APIClient, case: Case) -> None:
    url = f"/api/v1/cases/{case.pk}"
    tag = api.get(url).headers["ETag"]

    assert api.get(url, headers={"If-None-Match": tag}).status_code == 304
    api.patch(url, {"title": "Changed"})
    assert api.get(url, headers={"If-None-Match": tag}).status_code == 200


def test_rate_limit_counts_down_and_refuses(api: APIClient, settings: Any) -> None:
    settings.API_RATES = {"requests": "3/hour", "detections": "1/hour"}
    cache.clear()

    left = [api.get("/api/v1/me").headers["RateLimit-Remaining"] for _ in range(3)]
    refused = api.get("/api/v1/me")

    assert left == ["2", "1", "0"]
    assert refused.status_code == 429
    assert refused.json()["code"] == "throttled"
    assert 0 < int(refused.headers["Retry-After"]) <= 3601
    assert refused.headers["RateLimit-Limit"] == "3"
    cache.clear()


@pytest.mark.parametrize("text", ["100", "100/fortnight", "many/hour"])
def test_malformed_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"rate|invalid literal"):
        parse_rate(text)


def test_broken_json_and_wrong_type_are_problems(api: APIClient) -> None:
    broken = api.post("/api/v1/cases", data="{", content_type="application/json")
    assert (broken.status_code, broken.json()["code"]) == (400, "parse_error")
    plain = api.post("/api/v1/cases", data="x", content_type="text/plain")
    assert (plain.status_code, plain.json()["code"]) == (415, "unsupported_media_type")
    assert api.delete("/api/v1/cases").status_code == 405


def test_bytes_between_the_boundaries_are_no_empty_form(api: APIClient, case: Case) -> None:
    multipart = {"content_type": "multipart/form-data; boundary=edge"}
    address = f"/api/v1/cases/{case.pk}"
    refused = api.patch(address, data=b"--edge\r\n-13426--edge--\r\n", **multipart)
    assert (refused.status_code, refused.json()["code"]) == (400, "parse_error")
    assert "names a field" in refused.json()["detail"]
    assert api.patch(address, data=b"--edge--\r\n", **multipart).status_code == 200
    part = b'--edge\r\nContent-Disposition: form-data; name="title"\r\n\r\nBay 4\r\n--edge--\r\n'
    assert api.patch(address, data=part, **multipart).json()["title"] == "Bay 4"


def test_health_says_what_is_missing(db: None) -> None:
    client = APIClient()

    assert client.get("/api/v1/health").json() == {"status": "ok"}
    with no_redis():
        ready = client.get("/api/v1/health/ready")
    assert ready.status_code == 503
    assert ready.json()["database"] is True
    assert ready.json()["redis"] is False


def test_unknown_address_is_a_problem_below_api_and_a_page_elsewhere(db: None) -> None:
    below = APIClient().get("/api/v1/nothing")
    assert (below.status_code, below.json()["code"]) == (404, "not_found")
    assert below.headers["Content-Type"] == "application/problem+json"
    assert APIClient().get("/nothing").headers["Content-Type"].startswith("text/html")
