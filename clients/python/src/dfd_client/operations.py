"""Every operation of the client but uploads and downloads of files."""

from __future__ import annotations

import time
from typing import Any

from dfd_client.calls import Pause, Steps, fetch, fetch_all
from dfd_client.errors import NotFound, WaitedTooLong
from dfd_client.types import (
    Analysis,
    AskedReview,
    Case,
    Exhibit,
    Export,
    Finding,
    Review,
    Webhook,
)

FINAL = ("complete", "failed", "cancelled")
READY = ("ready", "failed")


def me() -> Steps[dict[str, Any]]:
    answer: dict[str, Any] = yield from fetch("GET", "/me")
    return answer


def cases(**filters: Any) -> Steps[list[Case]]:
    answer: list[Case] = yield from fetch_all("/cases", filters)
    return answer


def case(name: str) -> Steps[Case]:
    """By id, or by number such as 2026-0001."""
    if len(name) == 36:
        answer: Case = yield from fetch("GET", f"/cases/{name}")
        return answer
    found: list[Case] = yield from fetch_all("/cases", {"number": name})
    if not found:
        raise NotFound(
            404, {"code": "not_found", "detail": f"There is no case {name} for you."}, None
        )
    return found[0]


def create_case(title: str, description: str) -> Steps[Case]:
    body = {"title": title, "description": description}
    answer: Case = yield from fetch("POST", "/cases", json=body)
    return answer


def exhibits(case_id: str) -> Steps[list[Exhibit]]:
    answer: list[Exhibit] = yield from fetch_all(f"/cases/{case_id}/evidence")
    return answer


def exhibit(exhibit_id: str) -> Steps[Exhibit]:
    answer: Exhibit = yield from fetch("GET", f"/evidence/{exhibit_id}")
    return answer


def analyse(exhibit_id: str, profile: str, parameters: dict[str, Any] | None) -> Steps[Analysis]:
    body = {"exhibit": exhibit_id, "profile": profile, "parameters": parameters or {}}
    answer: Analysis = yield from fetch("POST", "/analyses", json=body)
    return answer


def analyses(**filters: Any) -> Steps[list[Analysis]]:
    answer: list[Analysis] = yield from fetch_all("/analyses", filters)
    return answer


def analysis(analysis_id: str) -> Steps[Analysis]:
    answer: Analysis = yield from fetch("GET", f"/analyses/{analysis_id}")
    return answer


def cancel(analysis_id: str) -> Steps[Analysis]:
    answer: Analysis = yield from fetch("POST", f"/analyses/{analysis_id}/cancel")
    return answer


def finding(analysis_id: str) -> Steps[Finding]:
    answer: Finding = yield from fetch("GET", f"/analyses/{analysis_id}/finding")
    return answer


def reviews(analysis_id: str) -> Steps[list[Review]]:
    answer: list[Review] = yield from fetch_all(f"/analyses/{analysis_id}/reviews")
    return answer


def review_requests(**filters: Any) -> Steps[list[AskedReview]]:
    answer: list[AskedReview] = yield from fetch_all("/review-requests", filters)
    return answer


def artefacts(analysis_id: str) -> Steps[list[dict[str, Any]]]:
    answer: list[dict[str, Any]] = yield from fetch_all(f"/analyses/{analysis_id}/artefacts")
    return answer


def order_report(analysis_id: str, form: str) -> Steps[Export]:
    answer: Export = yield from fetch(
        "POST", f"/analyses/{analysis_id}/reports", json={"format": form}
    )
    return answer


def order_bundle(case_id: str, purpose: str, redactions: list[str]) -> Steps[Export]:
    body = {"purpose": purpose, "redactions": redactions}
    answer: Export = yield from fetch("POST", f"/cases/{case_id}/exports", json=body)
    return answer


def export(export_id: str) -> Steps[Export]:
    answer: Export = yield from fetch("GET", f"/exports/{export_id}")
    return answer


def ledger(case_id: str) -> Steps[list[dict[str, Any]]]:
    answer: list[dict[str, Any]] = yield from fetch_all(f"/cases/{case_id}/ledger")
    return answer


def create_webhook(url: str, events: list[str], case_id: str | None) -> Steps[Webhook]:
    body = {"url": url, "events": events, "case": case_id}
    answer: Webhook = yield from fetch("POST", "/webhooks", json=body)
    return answer


def wait_for_analysis(analysis_id: str, timeout_s: float, every_s: float) -> Steps[Analysis]:
    """Poll until it is final; WaitedTooLong after ``timeout_s``."""
    ends = time.monotonic() + timeout_s
    while True:
        state: Analysis = yield from analysis(analysis_id)
        if state["status"] in FINAL:
            return state
        if time.monotonic() + every_s > ends:
            raise WaitedTooLong(
                f"analysis {analysis_id} is {state['status']} at {state['percent']} %"
            )
        yield Pause(every_s)


def wait_for_export(export_id: str, timeout_s: float, every_s: float) -> Steps[Export]:
    """Poll until it is ready or failed; WaitedTooLong after ``timeout_s``."""
    ends = time.monotonic() + timeout_s
    while True:
        state: Export = yield from export(export_id)
        if state["status"] in READY:
            return state
        if time.monotonic() + every_s > ends:
            raise WaitedTooLong(f"export {export_id} is {state['status']} at {state['percent']} %")
        yield Pause(every_s)
