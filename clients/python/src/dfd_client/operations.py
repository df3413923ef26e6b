"""Every operation of the client but uploads and downloads of files."""

from __future__ import annotations

import time
from typing import Any

from dfd_client.calls import Pause, Steps, fetch, fetch_all
from dfd_client.errors import WaitedTooLong
from dfd_client.types import Analysis, Case, Exhibit, Export, Finding, Webhook

FINAL = ("complete", "failed", "cancelled")
READY = ("ready", "failed")


def me() -> Steps[dict[str, Any]]:
    return (yield from fetch("GET", "/me"))


def cases(**filters: Any) -> Steps[list[Case]]:
    return (yield from fetch_all("/cases", filters))


def case(name: str) -> Steps[Case]:
    """By id, or by number such as 2026-0001."""
    if len(name) == 36:
        return (yield from fetch("GET", f"/cases/{name}"))
    found = yield from fetch_all("/cases", {"number": name})
    if found:
        return found[0]
    return (yield from fetch("GET", "/cases/00000000-0000-0000-0000-000000000000"))


def create_case(title: str, description: str) -> Steps[Case]:
    body = {"title": title, "description": description}
    return (yield from fetch("POST", "/cases", json=body))


def exhibits(case_id: str) -> Steps[list[Exhibit]]:
    return (yield from fetch_all(f"/cases/{case_id}/evidence"))


def exhibit(exhibit_id: str) -> Steps[Exhibit]:
    return (yield from fetch("GET", f"/evidence/{exhibit_id}"))


def analyse(exhibit_id: str, profile: str, parameters: dict[str, Any] | None) -> Steps[Analysis]:
    body = {"exhibit": exhibit_id, "profile": profile, "parameters": parameters or {}}
    return (yield from fetch("POST", "/analyses", json=body))


def analyses(**filters: Any) -> Steps[list[Analysis]]:
    return (yield from fetch_all("/analyses", filters))


def analysis(analysis_id: str) -> Steps[Analysis]:
    return (yield from fetch("GET", f"/analyses/{analysis_id}"))


def cancel(analysis_id: str) -> Steps[Analysis]:
    return (yield from fetch("POST", f"/analyses/{analysis_id}/cancel"))


def finding(analysis_id: str) -> Steps[Finding]:
    return (yield from fetch("GET", f"/analyses/{analysis_id}/finding"))


def artefacts(analysis_id: str) -> Steps[list[dict[str, Any]]]:
    return (yield from fetch_all(f"/analyses/{analysis_id}/artefacts"))


def order_report(analysis_id: str, form: str) -> Steps[Export]:
    return (yield from fetch("POST", f"/analyses/{analysis_id}/reports", json={"format": form}))


def order_bundle(case_id: str, purpose: str, redactions: list[str]) -> Steps[Export]:
    body = {"purpose": purpose, "redactions": redactions}
    return (yield from fetch("POST", f"/cases/{case_id}/exports", json=body))


def export(export_id: str) -> Steps[Export]:
    return (yield from fetch("GET", f"/exports/{export_id}"))


def ledger(case_id: str) -> Steps[list[dict[str, Any]]]:
    return (yield from fetch_all(f"/cases/{case_id}/ledger"))


def create_webhook(url: str, events: list[str], case_id: str | None) -> Steps[Webhook]:
    body = {"url": url, "events": events, "case": case_id}
    return (yield from fetch("POST", "/webhooks", json=body))


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
