"""Pages of lists stay whole while rows come and go."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.actors import user_actor
from accounts.models import User
from cases import services
from cases.models import Case


def opened(alice: User, title: str) -> str:
    return str(services.create_case(actor=user_actor(alice), title=title).pk)


@pytest.mark.parametrize("ordering", ["", "created_at", "-created_at", "number", "-number"])
def test_rows_that_come_in_between_shift_nothing(
    api: APIClient, alice: User, ordering: str
) -> None:
    before = [opened(alice, f"before {number}") for number in range(7)]
    address = f"/api/v1/cases?page_size=2&ordering={ordering}".removesuffix("&ordering=")
    seen: list[str] = []
    for step in range(20):
        page = api.get(address).json()
        seen += [row["id"] for row in page["results"]]
        if not page["next"]:
            break
        opened(alice, f"in between {step}")
        address = page["next"]

    assert len(seen) == len(set(seen))
    assert [key for key in seen if key in before] in (before, before[::-1])


def test_a_row_that_goes_takes_no_other_with_it(api: APIClient, alice: User, case: Case) -> None:
    address = f"/api/v1/cases/{case.pk}/members"
    assert [row["user"] for row in api.get(address).json()] == ["alice", "bob", "carol"]
    rows = [opened(alice, f"{number}") for number in range(4)]
    first = api.get("/api/v1/cases?page_size=2").json()
    services.close_case(actor=user_actor(alice), case=Case.objects.get(pk=rows[3]), reason="done")
    second = api.get(first["next"]).json()
    found = [row["id"] for row in (*first["results"], *second["results"])]
    assert found == rows[::-1]
    assert [row["id"] for row in api.get(second["previous"]).json()["results"]] == rows[:1:-1]


@pytest.mark.parametrize("size", ["0", "201", "-1", "x", "", "null", "²", "1e2"])
def test_page_sizes_that_are_none(api: APIClient, size: str) -> None:
    refused = api.get("/api/v1/cases", {"page_size": size})
    assert (refused.status_code, refused.json()["code"]) == (422, "page_size")


def test_a_cursor_that_is_none(api: APIClient) -> None:
    for cursor in ("x", "cD0", "=" * 500, "\0"):
        answer = api.get("/api/v1/cases", {"cursor": cursor})
        assert answer.status_code in (200, 404, 422), cursor


def test_fields_choose_what_is_answered(api: APIClient, case: Case) -> None:
    address = f"/api/v1/cases/{case.pk}"
    assert set(api.get(address, {"fields": "id,title"}).json()) == {"id", "title"}
    assert api.get(address, {"fields": "password,nothing"}).json() == {}
    rows: Any = api.get("/api/v1/cases", {"fields": "number"}).json()["results"]
    assert rows == [{"number": case.number}]


def test_empty_filters_are_refused(api: APIClient) -> None:
    for name in ("received_after", "case", "kind"):
        refused = api.get("/api/v1/evidence", {name: ""})
        assert (refused.status_code, name in refused.json()["errors"]) == (422, True)
    assert api.get("/api/v1/cases", {"status": "nonsense"}).status_code == 422
