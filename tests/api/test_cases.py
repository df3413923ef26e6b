"""Cases, members and notes over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rest_framework.test import APIClient

from accounts.models import User
from cases.models import Case
from cases.services import create_case


def test_a_case_is_opened_read_edited_and_closed(api: APIClient) -> None:
    opened = api.post("/api/v1/cases", {"title": "A voice message", "description": "from a bank"})

    assert opened.status_code == 201
    where = opened.headers["Location"]
    assert opened.json()["status"] == "open"
    assert api.get(where).json() == opened.json()

    edited = api.patch(where, {"title": "Two voice messages"})
    assert edited.json()["title"] == "Two voice messages"
    assert edited.json()["description"] == "from a bank"

    assert api.post(f"{where}/close", {"reason": "done"}).json()["status"] == "closed"
    refused = api.patch(where, {"title": "Too late"})
    assert (refused.status_code, refused.json()["code"]) == (409, "case_closed")
    assert api.post(f"{where}/reopen", {"reason": "appeal"}).json()["status"] == "open"


def test_members_come_change_and_go(api: APIClient, case: Case, charlie: User) -> None:
    members = f"/api/v1/cases/{case.pk}/members"

    added = api.post(members, {"user": "charlie", "role": "viewer"})
    assert added.status_code == 201
    assert {row["user"]: row["role"] for row in api.get(members).json()} == {
        "alice": "manager",
        "bob": "examiner",
        "carol": "reviewer",
        "charlie": "viewer",
    }
    assert api.delete(f"{members}/charlie").status_code == 204
    assert "charlie" not in {row["user"] for row in api.get(members).json()}

    last = api.delete(f"{members}/alice")
    assert last.status_code == 409
    assert last.headers["Content-Type"] == "application/problem+json"


def test_notes_are_added_and_corrected(api: APIClient, case: Case) -> None:
    notes = f"/api/v1/cases/{case.pk}/notes"

    first = api.post(notes, {"text": "The caller hesitates at **0:12**."}).json()
    second = api.post(notes, {"text": "At 0:21.", "corrects": first["id"]})

    assert second.status_code == 201
    assert [row["text"] for row in api.get(notes).json()["results"]] == [
        "The caller hesitates at **0:12**.",
        "At 0:21.",
    ]
    empty = api.post(notes, {"text": "  "})
    assert (empty.status_code, empty.json()["errors"]) == (
        422,
        {"text": ["This field may not be blank."]},
    )


def test_outsider_learns_nothing(
    case: Case, charlie: User, client_with: Callable[..., APIClient]
) -> None:
    outsider = client_with(charlie)

    for path in ("", "/members", "/evidence", "/notes", "/ledger"):
        answer = outsider.get(f"/api/v1/cases/{case.pk}{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    assert outsider.get("/api/v1/cases").json()["results"] == []


def test_scopes_bound_what_a_key_may_do(
    alice: User, case: Case, client_with: Callable[..., APIClient]
) -> None:
    reader = client_with(alice, "case:read")

    assert reader.get(f"/api/v1/cases/{case.pk}").status_code == 200
    assert reader.post("/api/v1/cases", {"title": "No"}).status_code == 403
    assert reader.get(f"/api/v1/cases/{case.pk}/ledger").status_code == 403


def test_a_key_bound_to_a_case_sees_no_other(
    alice: User, actor: Callable[..., Any], case: Case, client_with: Callable[..., APIClient]
) -> None:
    other = create_case(actor=actor(alice), title="Another matter")
    bound = client_with(alice, case=case)

    assert [row["id"] for row in bound.get("/api/v1/cases").json()["results"]] == [str(case.pk)]
    assert bound.get(f"/api/v1/cases/{other.pk}").status_code == 404


def test_pages_stay_stable_while_cases_are_opened(
    api: APIClient, alice: User, actor: Callable[..., Any]
) -> None:
    first = {create_case(actor=actor(alice), title=f"Case {n}").number for n in range(7)}
    seen = []
    url = "/api/v1/cases?page_size=3"
    while url:
        page = api.get(url).json()
        seen += [row["number"] for row in page["results"]]
        create_case(actor=actor(alice), title="Opened meanwhile")
        url = page["next"]

    assert sorted(seen) == sorted(first)


def test_filters_ordering_and_sparse_fields(
    api: APIClient, alice: User, actor: Callable[..., Any]
) -> None:
    create_case(actor=actor(alice), title="Voice of the chairman")
    create_case(actor=actor(alice), title="Passport photograph")

    found = api.get("/api/v1/cases?title=voice&fields=number,title").json()["results"]

    assert [sorted(row) for row in found] == [["number", "title"]]
    assert found[0]["title"] == "Voice of the chairman"
    ordered = api.get("/api/v1/cases?ordering=number").json()["results"]
    assert [row["title"] for row in ordered] == ["Voice of the chairman", "Passport photograph"]
    assert api.get("/api/v1/cases?status=lost").status_code == 422
