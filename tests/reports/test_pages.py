"""Making and fetching exports by mouse and by API key."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.actors import user_actor
from accounts.models import User
from accounts.services import create_api_key
from audit.actions import Action
from audit.models import AuditEvent
from cases.models import Case
from detection.models import Analysis
from reports.models import ExportKind, ExportRequest
from tests.conftest import PASSWORD
from tests.reports.conftest import made

pytestmark = pytest.mark.django_db(transaction=True)


def signed_in(client: Client, name: str) -> Client:
    answer = client.post("/account/login/", {"login": name, "password": PASSWORD})
    assert answer.status_code == 302
    return client


def test_a_report_and_a_bundle_are_made_and_fetched(
    client: Client, analysis: Analysis, case: Case
) -> None:
    signed_in(client, "bob")
    tab = f"/cases/{case.number}/reports/"
    assert "Nothing was exported yet" in client.get(tab).content.decode()
    form = {"analysis": str(analysis.pk), "kind": "report_html"}
    page = client.post(f"{tab}report/", form, follow=True).content.decode()
    assert "Queued" in page
    assert "1 in progress" in page
    report = made(ExportRequest.objects.get())
    assert report.filename in client.get(tab, headers={"HX-Request": "true"}).content.decode()
    page = client.post(f"{tab}bundle/", {"purpose": "for counsel"}, follow=True).content.decode()
    assert "for counsel" in page
    bundle = made(ExportRequest.objects.get(kind=ExportKind.BUNDLE))
    answer = client.get(f"/exports/{bundle.pk}/")
    content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert content.startswith(b"PK")
    assert bundle.filename in answer["Content-Disposition"]
    assert AuditEvent.objects.filter(action=Action.EXPORT_DOWNLOADED).count() == 1


def test_an_old_sign_in_must_be_confirmed_first(
    client: Client, analysis: Analysis, case: Case, bob: User
) -> None:
    client.force_login(bob)
    answer = client.post(f"/cases/{case.number}/reports/bundle/", {"purpose": "x"})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/reauthenticate/")
    answer = client.post(f"/api/v1/cases/{case.pk}/exports", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "confirm_sign_in")
    assert not ExportRequest.objects.exists()


def test_strangers_and_viewers_get_nothing(
    client: Client, analysis: Analysis, case: Case, charlie: User, bob: User
) -> None:
    signed_in(client, "bob")
    client.post(
        f"/cases/{case.number}/reports/report/",
        {"analysis": str(analysis.pk), "kind": "report_html"},
    )
    export = made(ExportRequest.objects.get())
    for name, tab_status in (("charlie", 404), ("carol", 200)):
        other = signed_in(Client(), name)
        tab = other.get(f"/cases/{case.number}/reports/")
        assert tab.status_code == tab_status
        assert export.filename not in tab.content.decode()
        assert other.get(f"/exports/{export.pk}/").status_code == 404


def test_the_api_makes_and_serves_exports(
    client: Client, analysis: Analysis, case: Case, bob: User
) -> None:
    _, plaintext = create_api_key(
        actor=user_actor(bob),
        owner=bob,
        name="robot",
        scopes=["export:create", "analysis:read", "case:read"],
        expires_at=timezone.now() + timedelta(days=1),
    )
    headers = {"Authorization": f"Bearer {plaintext}"}
    ordered = client.post(
        f"/api/v1/analyses/{analysis.pk}/reports",
        {"format": "html"},
        content_type="application/json",
        headers=headers,
    )
    assert ordered.status_code == 202, ordered.content
    made(ExportRequest.objects.get())
    ordered = client.post(
        f"/api/v1/cases/{case.pk}/exports",
        {"redactions": ["originals"]},
        content_type="application/json",
        headers=headers,
    )
    assert ordered.status_code == 202, ordered.content
    body = ordered.json()
    assert (body["kind"], body["status"], body["sha256"]) == ("redacted_bundle", "queued", None)
    early = client.get(f"{ordered['Location']}/content", headers=headers)
    assert (early.status_code, early.json()["code"]) == (409, "not_ready")
    made(ExportRequest.objects.get(kind="redacted_bundle"))
    body = client.get(ordered["Location"], headers=headers).json()
    assert (body["status"], body["percent"]) == ("ready", 100)
    fetched = client.get(f"{ordered['Location']}/content", headers=headers)
    assert b"".join(fetched.streaming_content).startswith(b"PK")  # type: ignore[attr-defined]
    assert fetched["ETag"] == f'"{body["sha256"]}"'
    listed = client.get(f"/api/v1/cases/{case.pk}/exports", headers=headers).json()
    assert [entry["kind"] for entry in listed] == ["redacted_bundle", "report_html"]


def test_a_key_without_the_scope_may_not_export(
    client: Client, analysis: Analysis, case: Case, bob: User
) -> None:
    _, plaintext = create_api_key(
        actor=user_actor(bob),
        owner=bob,
        name="reader",
        scopes=["case:read", "analysis:read"],
        expires_at=timezone.now() + timedelta(days=1),
    )
    answer = client.post(
        f"/api/v1/cases/{case.pk}/exports",
        {},
        content_type="application/json",
        headers={"Authorization": f"Bearer {plaintext}"},
    )
    assert answer.status_code == 403
    assert not ExportRequest.objects.exists()
