"""Evidence in, hashes, custody, bytes out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, cast

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import AuditEvent
from cases.models import Case, Exhibit
from tests.api.conftest import png, upload


def test_upload_states_the_hash_of_what_arrived(api: APIClient, case: Case) -> None:
    content = png()

    answer = api.post(
        f"/api/v1/cases/{case.pk}/evidence",
        {
            "file": upload(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "source": "telephone of the witness",
            "acquired_at": "2026-05-01T10:00:00+02:00",
        },
        format="multipart",
    )

    assert answer.status_code == 201, answer.json()
    exhibit = answer.json()
    assert exhibit["sha256"] == hashlib.sha256(content).hexdigest()
    assert exhibit["label"] == f"{case.number}/1"
    assert exhibit["source"] == "telephone of the witness"
    assert exhibit["acquired_utc_offset"] == "+02:00"
    assert api.get(answer.headers["Location"]).json() == exhibit
    for name in ("sha256", "md5", "sha1"):
        assert exhibit[name] == hashlib.new(name, content, usedforsecurity=False).hexdigest()
        listed = api.get(f"/api/v1/evidence?{name}={exhibit[name]}").json()["results"]
        assert [row["id"] for row in listed] == [exhibit["id"]]


@pytest.mark.parametrize(
    ("content", "extra", "status", "code"),
    [
        (b"", {}, 422, "empty"),
        (b"just some words, no recording at all\n" * 40, {}, 415, "unsupported_type"),
        (png(), {"sha256": "0" * 64}, 422, "hash_mismatch"),
    ],
)
def test_refused_files_are_named_and_recorded(
    api: APIClient, case: Case, content: bytes, extra: dict[str, str], status: int, code: str
) -> None:
    answer = api.post(
        f"/api/v1/cases/{case.pk}/evidence", {"file": upload(content), **extra}, format="multipart"
    )

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    refusal = AuditEvent.objects.filter(case_id=case.pk, action="evidence.refused").get()
    assert refusal.payload["code"] == code
    assert refusal.actor_kind == "api_key"


def test_too_large_is_413(api: APIClient, case: Case, settings: Any) -> None:
    import dataclasses

    settings.DFD = dataclasses.replace(settings.DFD, max_upload_bytes=100)

    answer = api.post(
        f"/api/v1/cases/{case.pk}/evidence", {"file": upload(png())}, format="multipart"
    )

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_download_in_ranges_leaves_a_custody_event(api: APIClient, exhibit: Exhibit) -> None:
    url = f"/api/v1/evidence/{exhibit.pk}"

    part = api.get(f"{url}/content?purpose=second+opinion", headers={"Range": "bytes=0-7"})

    assert part.status_code == 206
    assert b"".join(cast(Any, part).streaming_content) == b"\x89PNG\r\n\x1a\n"
    steps = api.get(f"{url}/custody").json()["results"]
    assert [step["kind"] for step in steps] == ["received", "downloaded"]
    assert steps[-1]["purpose"] == "second opinion"
    assert steps[-1]["actor_kind"] == "api_key"
    assert api.post(f"{url}/verify").json() == {"intact": True, "sha256": exhibit.sha256}


def test_reading_scope_does_not_give_the_bytes(
    alice: User, exhibit: Exhibit, client_with: Callable[..., APIClient]
) -> None:
    reader = client_with(alice, "case:read")

    assert reader.get(f"/api/v1/evidence/{exhibit.pk}").status_code == 200
    assert reader.get(f"/api/v1/evidence/{exhibit.pk}/content").status_code == 403


def test_ledger_of_the_case_with_proofs(api: APIClient, case: Case, exhibit: Exhibit) -> None:
    entries = api.get(f"/api/v1/cases/{case.pk}/ledger").json()["results"]

    assert entries[0]["action"] == "case.created"
    assert [entry["prev_hash"] for entry in entries[1:]] == [
        entry["hash"] for entry in entries[:-1]
    ]
    proof = api.post(f"/api/v1/cases/{case.pk}/ledger/proof")
    assert proof.status_code == 200
    assert proof.json()["entries"][0]["hash"] == entries[0]["hash"]
