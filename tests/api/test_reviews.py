"""Reviews over the API: people ask and answer in their session, keys read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.actors import user_actor
from accounts.models import User
from cases.models import Case, Exhibit
from detection import services
from detection.models import Analysis
from tests.api.test_keeping import in_person
from tests.detection.conftest import outcome_for

REVIEWS, REQUESTS = "/api/v1/reviews", "/api/v1/review-requests"


@pytest.fixture
def analysis(exhibit: Exhibit, alice: User) -> Analysis:
    """Complete, with a finding."""
    queued = services.submit_analysis(actor=user_actor(alice), exhibit=exhibit)
    running = services.claim_analysis(str(queued.pk), "worker")
    assert running is not None
    services.record_environment(
        analysis=running, evidence_sha256=exhibit.sha256, environment={"python": "3"}
    )
    services.store_result(analysis=running, outcome=outcome_for(exhibit))
    running.refresh_from_db()
    return running


def asking(analysis: Analysis) -> str:
    return f"/api/v1/analyses/{analysis.pk}/review-requests"


def giving(analysis: Analysis) -> str:
    return f"/api/v1/analyses/{analysis.pk}/reviews"


def rows(client: APIClient, address: str, **filters: str) -> list[dict[str, Any]]:
    answer = client.get(address, filters)
    assert answer.status_code == 200, answer.json()
    return list(answer.json()["results"])


def test_a_review_is_asked_for_given_and_signed_off(
    api: APIClient, analysis: Analysis, bob: User, carol: User
) -> None:
    examiner, reviewer = in_person(bob), in_person(carol)
    asked = examiner.post(asking(analysis), {"reviewer": "carol"})
    assert asked.status_code == 201, asked.json()
    assert (asked.json()["requested_by"], asked.json()["answer"]) == ("bob", None)
    assert rows(reviewer, REQUESTS, reviewer="carol", answered="false") == [asked.json()]
    again = examiner.post(asking(analysis), {"reviewer": "carol"})
    assert (again.status_code, again.json()["code"]) == (409, "asked")

    early = examiner.post(giving(analysis), {"kind": "sign_off", "text": "Agreed."})
    assert (early.status_code, early.json()["code"]) == (409, "no_opinion")
    opinion = reviewer.post(
        giving(analysis), {"kind": "opinion", "text": "The hair line is odd.", "agrees": True}
    )
    assert opinion.status_code == 201, opinion.json()
    assert opinion.json()["request"] == asked.json()["id"]
    own = reviewer.post(giving(analysis), {"kind": "sign_off", "text": "I agree with me."})
    assert (own.status_code, own.json()["code"]) == (409, "same_person")
    signed = examiner.post(giving(analysis), {"kind": "sign_off", "text": "Agreed."})
    assert signed.status_code == 201

    # A program with a key reads all of it.
    assert rows(api, REQUESTS, answered="true")[0]["answer"] == opinion.json()["id"]
    assert rows(api, REQUESTS, answered="false") == []
    assert rows(api, asking(analysis)) == rows(api, REQUESTS, analysis=str(analysis.pk))
    assert rows(api, REVIEWS) == [signed.json(), opinion.json()]
    assert rows(api, REVIEWS, kind="sign_off", reviewer="bob") == [signed.json()]
    assert api.get(f"{REVIEWS}/{opinion.json()['id']}").json() == opinion.json()
    assert api.get(f"{REQUESTS}/{asked.json()['id']}").json()["reviewer"] == "carol"


def test_the_browsable_page_offers_whom_to_ask(analysis: Analysis, bob: User) -> None:
    page = in_person(bob).get(asking(analysis), headers={"Accept": "text/html"})
    page_text = page.render().content.decode()
    offered = re.findall(r'<option value="(\w+)"', page_text)
    assert {"alice", "carol"} <= set(offered)
    assert "bob" not in offered


@pytest.mark.parametrize("value", ["null", "1", "True", ""])
def test_a_filter_is_true_or_false_and_nothing_else(api: APIClient, value: str) -> None:
    refused = api.get(REQUESTS, {"blind": value})
    assert (refused.status_code, set(refused.json()["errors"])) == (422, {"blind"})
    assert rows(api, REQUESTS, blind="true") == []


def test_no_key_asks_or_answers(api: APIClient, analysis: Analysis) -> None:
    assert api.post(asking(analysis), {"reviewer": "carol"}).status_code == 403
    assert api.post(asking(analysis), {}).status_code == 403
    assert api.post(giving(analysis), {"kind": "opinion", "text": "x"}).status_code == 403


@pytest.mark.parametrize("reviewer", ["charlie", "bob", "nobody", "", 7])
def test_only_another_member_who_may_review_is_asked(
    analysis: Analysis, bob: User, charlie: User, reviewer: Any
) -> None:
    """Bob asks; an outsider, himself and an unknown name are refused in the same words."""
    refused = in_person(bob).post(asking(analysis), {"reviewer": reviewer}, format="json")
    assert (refused.status_code, set(refused.json()["errors"])) == (422, {"reviewer"})


def test_a_blind_reviewer_reads_no_review_before_opining(
    analysis: Analysis, bob: User, carol: User
) -> None:
    examiner, reviewer = in_person(bob), in_person(carol)
    examiner.post(giving(analysis), {"kind": "opinion", "text": "Made by a machine."})
    examiner.post(asking(analysis), {"reviewer": "carol", "blind": True}, format="json")
    (written,) = rows(examiner, REVIEWS)
    assert rows(reviewer, REVIEWS) == []
    assert reviewer.get(f"{REVIEWS}/{written['id']}").status_code == 404
    assert reviewer.get(giving(analysis)).json() == []
    assert [row["blind"] for row in rows(reviewer, REQUESTS, answered="false")] == [True]
    given = reviewer.post(giving(analysis), {"kind": "opinion", "text": "I see nothing odd."})
    assert given.json()["blind"] is True
    assert len(rows(reviewer, REVIEWS)) == 2


def test_reviews_of_foreign_cases_are_not_listed(
    analysis: Analysis, case: Case, bob: User, charlie: User, alice: User,
    client_with: Callable[..., APIClient],
) -> None:  # fmt: skip
    examiner = in_person(bob)
    asked = examiner.post(asking(analysis), {"reviewer": "carol"}).json()
    written = examiner.post(giving(analysis), {"kind": "opinion", "text": "Odd."}).json()
    elsewhere = client_with(alice).post("/api/v1/cases", {"title": "Other"}).json()["id"]
    bound = client_with(alice, case=Case.objects.get(pk=elsewhere))
    for client in (in_person(charlie), bound, client_with(alice, "case:read")):
        assert rows(client, REVIEWS) == rows(client, REQUESTS) == []
        assert rows(client, REVIEWS, case=str(case.pk)) == []
        assert client.get(f"{REVIEWS}/{written['id']}").status_code == 404
        assert client.get(f"{REQUESTS}/{asked['id']}").status_code == 404
        assert client.get(asking(analysis)).status_code == 404
