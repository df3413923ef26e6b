"""What somebody with bad intentions sends."""

from __future__ import annotations

import base64
import socket
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import AuditEvent
from cases.models import Case, CaseMembership, Exhibit, Note, Upload
from detection.models import Analysis
from tests.api.conftest import png, upload
from tests.live import LivePlatform

TUS = {"Tus-Resumable": "1.0.0"}


def test_fields_that_are_not_offered_are_not_taken(
    api: APIClient, alice: User, charlie: User, case: Case, exhibit: Exhibit
) -> None:
    made = api.post(
        "/api/v1/cases",
        {
            "title": "x", "id": str(case.pk), "number": "1999-0001", "status": "closed",
            "created_by": "charlie", "created_at": "1999-01-01T00:00:00Z",
        },
    ).json()  # fmt: skip
    assert made["id"] != str(case.pk)
    assert (made["status"], made["number"] == "1999-0001") == ("open", False)
    assert Case.objects.get(pk=made["id"]).created_at.year > 1999
    api.patch(f"/api/v1/cases/{case.pk}", {"status": "closed", "number": "1999-0001"})
    case.refresh_from_db()
    assert (case.status, case.number == "1999-0001") == ("open", False)
    note = api.post(
        f"/api/v1/cases/{case.pk}/notes",
        {"text": "x", "author": "charlie", "case": made["id"], "created_at": "1999-01-01T00:00Z"},
    ).json()
    stored = Note.objects.get(pk=note["id"])
    assert (stored.case_id, stored.author_label.startswith("charlie")) == (case.pk, False)
    queued = api.post(
        "/api/v1/analyses",
        {"exhibit": str(exhibit.pk), "status": "complete", "submitted_by": "charlie"},
    ).json()
    assert Analysis.objects.get(pk=queued["id"]).status == "queued"
    member = api.post(
        f"/api/v1/cases/{case.pk}/members",
        {"user": "charlie", "role": "viewer", "added_by": "charlie", "case": made["id"]},
    )
    assert member.status_code == 201
    assert CaseMembership.objects.get(user=charlie).case_id == case.pk


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_a_method_cannot_be_smuggled(api: APIClient, case: Case, name: str) -> None:
    address = f"/api/v1/cases/{case.pk}/members/bob"
    assert api.post(address, {}, headers={name: "DELETE"}).status_code == 405
    assert api.post(f"{address}?_method=DELETE", {"_method": "DELETE"}).status_code == 405
    assert CaseMembership.objects.filter(case=case, user__username="bob").exists()


def test_other_origins_get_no_permission(api: APIClient, case: Case) -> None:
    for method in (api.get, api.options):
        answer = method("/api/v1/cases", headers={"Origin": "https://evil.example"})
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_a_huge_body_is_refused_before_it_is_read(api: APIClient, settings: Any) -> None:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    for content_type in ("application/json", "application/x-www-form-urlencoded"):
        answer = api.generic("POST", "/api/v1/cases", b"[" * (limit + 1), content_type)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_deep_json_is_a_problem_and_no_crash(api: APIClient) -> None:
    for body in (b"[" * 100_000, b'{"title": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"):
        answer = api.generic("POST", "/api/v1/cases", body, "application/json")
        assert answer.status_code in (400, 422)
    for body in (b'"x"', b"[]", b"null", b"1", b'{"title": NaN}', b'\xff\xfe"', b""):
        answer = api.generic("POST", "/api/v1/cases", body, "application/json")
        assert answer.status_code in (400, 422), body


@pytest.mark.parametrize(
    "filename",
    ["../../etc/passwd", "/etc/passwd", "..\\..\\boot.ini", "a\r\nX-Injected: 1.png", "a\0b.png",
     "\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe", "." * 300, ""],
)  # fmt: skip
def test_a_name_leads_nowhere(api: APIClient, case: Case, data_dir: Any, filename: str) -> None:
    stated = {"case": str(case.pk), "filename": filename}
    pairs = [f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in stated.items()]
    content = png(77)
    started = api.post(
        "/api/v1/uploads/",
        headers={**TUS, "Upload-Length": str(len(content)), "Upload-Metadata": ",".join(pairs)},
    )
    assert started.status_code == 201
    done = api.generic(
        "PATCH",
        started.headers["Location"],
        content,
        "application/offset+octet-stream",
        headers={**TUS, "Upload-Offset": "0"},
    )
    assert done.status_code == 204
    exhibit = Exhibit.objects.get(pk=done.headers["DFD-Exhibit"])
    assert "/" not in exhibit.name
    assert "\\" not in exhibit.name
    assert exhibit.name.isprintable()
    answer = api.get(f"/api/v1/evidence/{exhibit.pk}/content")
    assert answer.headers["Content-Disposition"] == "attachment"
    assert "X-Injected" not in answer.headers
    assert str(case.pk) in exhibit.storage_key
    assert ".." not in exhibit.storage_key


def test_an_upload_is_its_owners_alone(
    api: APIClient, bob: User, case: Case, client_with: Callable[..., APIClient]
) -> None:
    pairs = "case " + base64.b64encode(str(case.pk).encode()).decode()
    started = api.post(
        "/api/v1/uploads/", headers={**TUS, "Upload-Length": "10", "Upload-Metadata": pairs}
    )
    address, stranger = started.headers["Location"], client_with(bob)
    for method, override in (("HEAD", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "DELETE")):
        headers = {**TUS, "Upload-Offset": "0", "X-HTTP-Method-Override": override}
        answer = stranger.generic(
            method, address, b"", "application/offset+octet-stream", headers=headers
        )
        assert answer.status_code == 404, method
    assert Upload.objects.get().state == Upload.State.RECEIVING
    for path in ("..", "%2e%2e%2fcases", "../../../../etc/passwd"):
        assert api.head(f"/api/v1/uploads/{path}", headers=TUS).status_code in (301, 404, 405)


def test_what_a_caller_writes_stays_text(api: APIClient, case: Case, exhibit: Exhibit) -> None:
    purpose = "x\r\nSet-Cookie: a=b"
    answer = api.get(f"/api/v1/evidence/{exhibit.pk}/content", {"purpose": purpose})
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    key = {"Idempotency-Key": "a\r\nb"}
    assert api.post("/api/v1/cases", {"title": "x"}, headers=key).status_code == 400
    hostile = "<script>alert(1)</script>"
    made = api.post("/api/v1/cases", {"title": hostile})
    assert made.json()["title"] == hostile
    assert made.headers["Content-Type"].startswith("application/json")
    assert made.headers["X-Content-Type-Options"] == "nosniff"


def test_refusals_are_on_the_ledger_under_the_key(
    alice: User, case: Case, exhibit: Exhibit, client_with: Callable[..., APIClient]
) -> None:
    reader = client_with(alice, "case:read")
    assert reader.get(f"/api/v1/evidence/{exhibit.pk}/content").status_code == 403
    entry = AuditEvent.objects.filter(action="permission.denied").last()
    assert entry is not None
    assert (entry.actor_kind, entry.case_id) == ("api_key", case.pk)


@pytest.mark.queue
@pytest.mark.timeout(900)
def test_slow_clients_do_not_stop_the_others(live_platform: LivePlatform) -> None:
    """Four requests whose bodies never come, and the site answers all the same."""
    key = live_platform.manage("create_api_key", "admin").strip()
    host, port = "127.0.0.1", int(live_platform.env["PORT"])
    head = (
        f"POST /api/v1/cases HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {key}\r\n"
        "Content-Type: application/json\r\nContent-Length: 4000\r\n\r\n{"
    ).encode()
    slow = [socket.create_connection((host, port)) for _ in range(4)]
    try:
        for line in slow:
            line.sendall(head)
        time.sleep(0.5)
        started = time.monotonic()
        assert httpx.get(f"{live_platform.url}/health", timeout=30).json() == {"status": "ok"}
        assert time.monotonic() - started < 15
    finally:
        for line in slow:
            line.close()


def test_an_answer_to_everybody_hides_who_exists(db: None, alice: User) -> None:
    answers = [
        APIClient().get("/api/v1/me", headers={"Authorization": f"Bearer dfd_{name}.{'a' * 43}"})
        for name in ("abcdefghijkl", "ABCDEFGHIJKL")
    ]
    assert {answer.json()["detail"] for answer in answers} == {"The API key is not valid."}
    picture = APIClient().post("/detect/image", {"file": upload(png())}, format="multipart")
    assert picture.status_code == 401
