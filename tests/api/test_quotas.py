"""What a key and a person may use in a day: bytes and analyses, refused with a clear problem."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from accounts.actors import user_actor
from accounts.models import ApiKey, User
from accounts.services import rotate_api_key
from cases.models import Case, Exhibit
from detection.models import Analysis
from tests.api.conftest import png, upload

Keyed = Callable[..., str]


@pytest.fixture
def limited(alice: User, case: Case, key: Keyed) -> Callable[..., APIClient]:
    """``limited(quota_bytes=…)``: Alice with a key of her case that has this limit."""

    def make(**limits: int) -> APIClient:
        client = APIClient()
        plaintext = key(alice, case=case, **limits)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}", HTTP_PREFER="wait=0")
        return client

    return make


def send(client: APIClient, case: Case, content: bytes) -> Any:
    return client.post(
        f"/api/v1/cases/{case.pk}/evidence", {"file": upload(content)}, format="multipart"
    )


def test_bytes_of_a_key_run_out_and_come_back_at_midnight(
    limited: Callable[..., APIClient], case: Case
) -> None:
    size = len(png(1))
    client = limited(quota_bytes=size + 10)

    assert send(client, case, png(1)).status_code == 201
    refused = send(client, case, png(2))

    assert (refused.status_code, refused.json()["code"]) == (429, "quota_used_up")
    assert 0 < int(refused.headers["Retry-After"]) <= 86400
    assert Exhibit.objects.count() == 1
    (quota,) = client.get("/api/v1/me").json()["quotas"]
    assert (quota["measure"], quota["of"], quota["limit"]) == ("bytes", "key", size + 10)
    assert quota["used"] == size
    with time_machine.travel(quota["resets_at"]):
        assert send(client, case, png(2)).status_code == 201


def test_a_file_over_the_whole_limit_is_413(limited: Callable[..., APIClient], case: Case) -> None:
    refused = send(limited(quota_bytes=10), case, png())

    assert (refused.status_code, refused.json()["code"]) == (413, "quota_too_small")
    assert "Retry-After" not in refused.headers
    announced = limited(quota_bytes=10).post(
        "/api/v1/uploads/",
        headers={
            "Tus-Resumable": "1.0.0",
            "Upload-Length": "11",
            "Upload-Metadata": "case " + _base64(str(case.pk)),
        },
    )
    assert (announced.status_code, announced.json()["code"]) == (413, "quota_too_small")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_analyses_of_a_key_run_out(
    limited: Callable[..., APIClient], case: Case, exhibit: Exhibit
) -> None:
    client = limited(quota_analyses=2)
    body = {"exhibits": [str(exhibit.pk)] * 3}

    # Three do not fit: none of them is queued.
    assert client.post("/api/v1/analyses/batch", body).status_code == 429
    assert Analysis.objects.count() == 0
    assert client.post("/detect/image", {"file": upload(png(3))}, format="multipart").status_code
    for _ in range(2):
        last = client.post("/api/v1/analyses", {"exhibit": str(exhibit.pk)})
    assert (last.status_code, last.json()["code"]) == (429, "quota_used_up")
    assert Analysis.objects.count() == 2


def test_owner_and_all_keys_share_the_owners_limit(
    alice: User, case: Case, exhibit: Exhibit, limited: Callable[..., APIClient]
) -> None:
    alice.quota_analyses = 2
    alice.save()
    browser = APIClient()
    browser.force_login(alice)
    body = {"exhibit": str(exhibit.pk)}

    codes = [
        one.post("/api/v1/analyses", body).status_code for one in (browser, limited(), limited())
    ]

    assert codes == [202, 202, 429]
    (quota,) = browser.get("/api/v1/me").json()["quotas"]
    assert (quota["of"], quota["used"], quota["limit"]) == ("user", 2, 2)


def test_the_sites_default_counts_for_everybody_without_an_own_limit(
    alice: User, bob: User, case: Case, exhibit: Exhibit, client_with: Any, settings: Any
) -> None:
    settings.DFD = dataclasses.replace(settings.DFD, quotas={"bytes": 0, "analyses": 1})
    User.objects.filter(pk=bob.pk).update(quota_analyses=3)
    body = {"exhibit": str(exhibit.pk)}
    hers, his = client_with(alice), client_with(bob)

    assert [hers.post("/api/v1/analyses", body).status_code for _ in range(2)] == [202, 429]
    assert [his.post("/api/v1/analyses", body).status_code for _ in range(2)] == [202, 202]


def test_a_batch_names_the_file_that_did_not_fit(limited: Callable[..., APIClient]) -> None:
    files = [upload(png(shade), f"{shade}.png") for shade in (1, 2)]

    answer = limited(quota_analyses=1).post("/batch", {"files": files}, format="multipart").json()

    assert [row.get("code", row.get("status")) for row in answer["results"]] == [
        "processing",
        "quota_used_up",
    ]


def test_a_successor_keeps_the_limits(alice: User, limited: Callable[..., APIClient]) -> None:
    limited(quota_bytes=7, quota_analyses=8)
    new, _ = rotate_api_key(actor=user_actor(alice), api_key=ApiKey.objects.get())

    assert (new.quota_bytes, new.quota_analyses) == (7, 8)
