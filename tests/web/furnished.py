"""A case in which every page has something to show, and the addresses of all pages."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from accounts.actors import user_actor
from accounts.models import User
from accounts.services import create_api_key
from cases import services as case_services
from cases.models import Case, Exhibit
from detection import services
from detection.models import Analysis
from reports import services as reporting
from tests.web.addresses import (
    pages_of_a_case,
    pages_of_a_recent_sign_in,
    pages_of_everybody,
    pages_of_two_runs,
)
from webhooks.services import create_endpoint

NOTE = """
## What I saw

* the **left** eye does not blink
* see [the source](https://example.org/call)

| from | to |
|---|---|
| 0:01 | 0:04 |
"""


def furnish(
    *,
    manager: User,
    colleague: User,
    exhibits: dict[str, Exhibit],
    finding: Analysis,
    second: Analysis,
) -> dict[str, str]:
    """Fill the case of ``finding`` and return every page as ``manager`` may open it, by name.

    ``second``: another complete run over the same exhibit. ``colleague`` is a member of the case.
    """
    actor = user_actor(manager)
    case = finding.exhibit.case
    _records(manager, colleague, case, exhibits)
    services.request_review(
        actor=user_actor(colleague), analysis=second, reviewer=manager, blind=False
    )
    services.add_review(
        actor=user_actor(colleague),
        analysis=finding,
        kind="opinion",
        text="The mouth flickers.",
        agrees=True,
    )
    order = reporting.request_report(actor=actor, analysis=finding, kind="report_html")
    ordered = reporting.claim(str(order.pk))
    assert ordered is not None
    reporting.make(ordered)
    failed = services.submit_analysis(actor=actor, exhibit=exhibits["audio"])
    claimed = services.claim_analysis(str(failed.pk), "worker-1")
    assert claimed is not None
    services.fail_analysis(
        analysis=claimed, code="no_audio_track", message="The recording has no audio track."
    )
    queued = services.submit_analysis(actor=actor, exhibit=exhibits["image"])
    key, _ = create_api_key(
        actor=actor,
        owner=manager,
        name="laboratory robot",
        scopes=["case:read"],
        expires_at=timezone.now() + timedelta(days=30),
    )
    hook, _ = create_endpoint(
        actor=actor,
        url="https://9.9.9.9/dfd",  # a public address that needs no look-up; nothing is sent
        events=["analysis.finished"],
        case=case,
    )
    return {
        **pages_of_everybody(),
        **pages_of_a_recent_sign_in(key),
        **pages_of_a_case(finding),
        **pages_of_two_runs(finding, second),
        "failed analysis": f"/analyses/{failed.pk}/",
        "new web hook": "/account/webhooks/new/",
        "web hook": f"/account/webhooks/{hook.pk}/",
        "queued analysis": f"/analyses/{queued.pk}/",
        "correct a note": f"/cases/{case.number}/notes/?corrects={case.notes.first().pk}",
    }


def _records(manager: User, colleague: User, case: Case, exhibits: dict[str, Exhibit]) -> None:
    """Notes, a hold, offers of custody in both directions, a wish to destroy."""
    actor = user_actor(manager)
    note = case_services.add_note(actor=actor, case=case, text=NOTE, exhibit=exhibits["video"])
    case_services.add_note(actor=actor, case=case, text="The *right* eye.", corrects=note)
    case_services.offer_transfer(
        actor=actor, exhibit=exhibits["video"], receiver=colleague, purpose="second opinion"
    )
    offered = case_services.offer_transfer(
        actor=actor, exhibit=exhibits["image"], receiver=colleague, purpose="prints"
    )
    case_services.accept_transfer(actor=user_actor(colleague), transfer=offered)
    exhibits["image"].refresh_from_db()
    case_services.offer_transfer(
        actor=user_actor(colleague), exhibit=exhibits["image"], receiver=manager, purpose="done"
    )
    case_services.request_destruction(
        actor=actor, exhibit=exhibits["audio"], reason="kept too long", authority="order 12"
    )
    case_services.place_hold(actor=actor, case=case, matter="Civil suit 7/26", reason="letter")
