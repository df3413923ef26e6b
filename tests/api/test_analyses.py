"""Analyses over HTTP: submitting, cancelling, reading; the worker itself is tested elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from rest_framework.test import APIClient

from accounts.models import User
from cases.models import Exhibit
from detection.models import Analysis


def test_submit_and_cancel(api: APIClient, exhibit: Exhibit) -> None:
    answer = api.post(
        "/api/v1/analyses", {"exhibit": str(exhibit.pk), "parameters": {"threshold": 0.6}}
    )

    assert answer.status_code == 202, answer.json()
    analysis = answer.json()
    assert (analysis["status"], analysis["stage"], analysis["percent"]) == ("queued", "Queued", 0)
    assert analysis["parameters"] == {"threshold": 0.6}
    assert analysis["finding"] is None
    where = answer.headers["Location"]
    assert api.get(where).json() == analysis
    early = api.get(f"{where}/finding")
    assert (early.status_code, early.json()["code"]) == (404, "no_finding")
    assert api.post(f"{where}/rerun").json()["code"] == "not_finished"
    assert api.post(f"{where}/cancel").json()["status"] == "cancelled"
    assert api.post(f"{where}/cancel").status_code == 409
    again = api.post(f"{where}/rerun")
    assert again.status_code == 202
    assert again.json()["rerun_of"] == analysis["id"]


def test_bad_parameters_are_named(api: APIClient, exhibit: Exhibit) -> None:
    answer = api.post(
        "/api/v1/analyses", {"exhibit": str(exhibit.pk), "parameters": {"threshold": 0.95}}
    )
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["parameters"])
    answer = api.post("/api/v1/analyses", {"exhibit": str(exhibit.pk), "profile": "crystal ball"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_profile")
    assert not Analysis.objects.exists()


def test_batch_is_all_or_nothing(api: APIClient, exhibit: Exhibit) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"

    refused = api.post("/api/v1/analyses/batch", {"exhibits": [str(exhibit.pk), unknown]})
    assert refused.status_code == 404
    assert not Analysis.objects.exists()

    accepted = api.post("/api/v1/analyses/batch", {"exhibits": [str(exhibit.pk)] * 2})
    assert accepted.status_code == 202
    assert len(accepted.json()) == 2
    listed = api.get(f"/api/v1/analyses?exhibit={exhibit.pk}&status=queued").json()["results"]
    assert {row["id"] for row in listed} == {row["id"] for row in accepted.json()}


def test_reviewer_may_not_submit_and_outsider_sees_nothing(
    exhibit: Exhibit, carol: User, charlie: User, client_with: Callable[..., APIClient]
) -> None:
    body = {"exhibit": str(exhibit.pk)}

    assert client_with(carol).post("/api/v1/analyses", body).status_code == 403
    assert client_with(charlie).post("/api/v1/analyses", body).status_code == 404


def test_reviews_are_written_by_people_not_keys(api: APIClient, exhibit: Exhibit) -> None:
    where = api.post("/api/v1/analyses", {"exhibit": str(exhibit.pk)}).headers["Location"]

    answer = api.post(f"{where}/reviews", {"kind": "opinion", "text": "Looks right."})

    assert answer.status_code == 403
    assert api.get(f"{where}/reviews").json() == []
