"""Legal holds and transfers of custody over the API."""

from __future__ import annotations

from collections.abc import Callable

from rest_framework.test import APIClient

from accounts.models import User
from cases.models import Case, Exhibit


def in_person(user: User) -> APIClient:
    """Somebody at their own screen."""
    client = APIClient()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_a_hold_is_placed_and_listed(
    api: APIClient, case: Case, exhibit: Exhibit, bob: User, client_with: Callable[..., APIClient]
) -> None:
    address = f"/api/v1/cases/{case.pk}/holds"
    placed = api.post(address, {"matter": "Trial", "reason": "ordered", "exhibit": str(exhibit.pk)})
    assert placed.status_code == 201, placed.json()
    (listed,) = api.get(address).json()["results"]
    assert listed == placed.json()
    assert (listed["exhibit"], listed["released_at"]) == (str(exhibit.pk), None)
    other = api.post("/api/v1/cases", {"title": "Other"}).json()["id"]
    foreign = {"matter": "x", "reason": "x", "exhibit": str(exhibit.pk)}
    assert api.post(f"/api/v1/cases/{other}/holds", foreign).status_code == 422
    assert client_with(bob).post(address, {"matter": "x", "reason": "x"}).status_code == 403
    assert api.post(address, {"matter": "", "reason": ""}).status_code == 422


def test_custody_goes_to_who_accepts_it(
    api: APIClient, exhibit: Exhibit, bob: User, carol: User, charlie: User,
    client_with: Callable[..., APIClient],
) -> None:  # fmt: skip
    address = f"/api/v1/evidence/{exhibit.pk}/transfers"
    offer = {"receiver": "bob", "purpose": "for examination"}
    offered = api.post(address, offer)
    assert (offered.status_code, offered.json()["status"]) == (201, "offered")
    answer = f"/api/v1/transfers/{offered.json()['id']}/answer"
    assert client_with(carol).post(answer, {"accept": True}).status_code == 403
    assert client_with(charlie).post(answer, {"accept": True}).status_code == 404
    # A key of the receiver is not the receiver.
    assert client_with(bob).post(answer, {"accept": True}).status_code == 403
    browser = in_person(bob)
    accepted = browser.post(answer, {"accept": True})
    assert (accepted.status_code, accepted.json()["status"]) == (200, "accepted")
    assert browser.post(answer, {"accept": False, "reason": "late"}).status_code == 409
    exhibit.refresh_from_db()
    assert exhibit.custodian == bob
    assert [row["receiver"] for row in api.get(address).json()["results"]] == ["bob"]
    outsider = {"receiver": "charlie", "purpose": "x"}
    assert client_with(bob).post(address, outsider).status_code == 422


def test_custody_can_be_declined(api: APIClient, exhibit: Exhibit, bob: User) -> None:
    offered = api.post(
        f"/api/v1/evidence/{exhibit.pk}/transfers", {"receiver": "bob", "purpose": "x"}
    ).json()
    answer = f"/api/v1/transfers/{offered['id']}/answer"
    assert in_person(bob).post(answer, {"accept": False}).status_code == 422
    declined = in_person(bob).post(answer, {"accept": False, "reason": "on leave"})
    assert declined.json()["status"] == "declined"
