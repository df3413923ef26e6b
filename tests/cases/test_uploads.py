"""Resumable uploads over HTTP, as a tus client sends them."""

from __future__ import annotations

import base64
import dataclasses
import fcntl
import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.actors import user_actor
from audit.models import AuditEvent
from cases import services
from cases.models import Case, Exhibit, Upload
from cases.services import uploads
from tests.cases.media import wav_bytes

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/uploads/"
TUS = {"Tus-Resumable": "1.0.0"}


def encoded(**pairs: object) -> str:
    return ",".join(
        f"{name} {base64.b64encode(str(value).encode()).decode()}" for name, value in pairs.items()
    )


class TusClient:
    """A signed-in tus client for one case."""

    def __init__(self, user: Any, case: Case) -> None:
        self.http = Client()
        self.http.force_login(user)
        self.case = case

    def create(self, size: int, **stated: object) -> Any:
        pairs = {"filename": "call.wav", "case": self.case.pk, **stated}
        return self.http.post(
            ADDRESS,
            headers={**TUS, "Upload-Length": str(size), "Upload-Metadata": encoded(**pairs)},
        )

    def begin(self, size: int, **stated: object) -> str:
        answer = self.create(size, **stated)
        assert answer.status_code == 201, answer.content
        return answer["Location"]

    def patch(self, address: str, offset: int, content: bytes, **headers: str) -> Any:
        return self.http.patch(
            address,
            content,
            content_type="application/offset+octet-stream",
            headers={**TUS, "Upload-Offset": str(offset), **headers},
        )

    def head(self, address: str) -> Any:
        return self.http.head(address, headers=TUS)

    def delete(self, address: str) -> Any:
        return self.http.delete(address, headers=TUS)


@pytest.fixture
def tus(alice, case) -> TusClient:
    return TusClient(alice, case)


def test_capabilities(tus: TusClient) -> None:
    answer = tus.http.options(ADDRESS)
    assert answer.status_code == 204
    assert answer["Tus-Version"] == "1.0.0"
    assert answer["Tus-Extension"] == "creation,checksum,termination,expiration"
    assert "sha1" in answer["Tus-Checksum-Algorithm"]


def test_upload_in_pieces_becomes_an_exhibit(tus: TusClient, case: Case, data_dir: Path) -> None:
    content = wav_bytes()
    address = tus.begin(
        len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        source="Phone",
        acquired_at="2026-03-01T09:30:00-05:00",
    )
    assert tus.head(address)["Upload-Offset"] == "0"
    assert tus.patch(address, 0, content[:1000])["Upload-Offset"] == "1000"
    assert tus.head(address)["Upload-Offset"] == "1000"
    last = tus.patch(address, 1000, content[1000:])

    assert last.status_code == 204
    exhibit = Exhibit.objects.get(pk=last["DFD-Exhibit"])
    assert exhibit.sha256 == hashlib.sha256(content).hexdigest()
    assert exhibit.md5 == hashlib.md5(content, usedforsecurity=False).hexdigest()
    assert (exhibit.source, exhibit.acquired_utc_offset) == ("Phone", "-05:00")
    assert tus.head(address)["DFD-Exhibit"] == str(exhibit.pk)
    assert list((data_dir / "quarantine").iterdir()) == []
    assert AuditEvent.objects.filter(case_id=case.pk, action="evidence.upload_started").exists()
    assert tus.patch(address, len(content), b"x").status_code == 410


def test_wrong_offset_is_a_conflict_and_changes_nothing(tus: TusClient) -> None:
    address = tus.begin(100)
    tus.patch(address, 0, b"0123456789")
    for offset in (0, 5, 11):
        assert tus.patch(address, offset, b"x").status_code == 409
    assert tus.head(address)["Upload-Offset"] == "10"


def test_checksum_drops_bytes_that_changed_on_the_way(tus: TusClient) -> None:
    content = wav_bytes()
    address = tus.begin(len(content))

    def announced(algorithm: str, of: bytes) -> dict[str, str]:
        value = base64.b64encode(hashlib.new(algorithm, of).digest()).decode()
        return {"Upload-Checksum": f"{algorithm} {value}"}

    damaged = b"\x01" + content[1:500]
    answer = tus.patch(address, 0, damaged, **announced("sha256", content[:500]))
    assert answer.status_code == 460
    assert tus.head(address)["Upload-Offset"] == "0"
    assert (
        tus.patch(address, 0, content[:500], **announced("sha1", content[:500])).status_code == 204
    )
    last = tus.patch(address, 500, content[500:], **announced("sha512", content[500:]))
    assert Exhibit.objects.get(pk=last["DFD-Exhibit"]).size == len(content)
    assert tus.patch(address, 0, b"x", **{"Upload-Checksum": "crc32 AAAA"}).status_code == 400


def test_more_bytes_than_announced_are_refused(tus: TusClient) -> None:
    address = tus.begin(10)
    assert tus.patch(address, 0, b"x" * 11).status_code == 413
    assert tus.head(address)["Upload-Offset"] == "0"


def test_protocol_errors_have_their_status(tus: TusClient) -> None:
    address = tus.begin(10)
    assert tus.http.head(address).status_code == 412
    wrong_type = tus.http.patch(
        address, b"x", content_type="text/plain", headers={**TUS, "Upload-Offset": "0"}
    )
    assert wrong_type.status_code == 415
    for headers in (
        {},
        {"Upload-Length": "-1"},
        {"Upload-Length": "1", "Upload-Defer-Length": "1"},
        {"Upload-Length": "5", "Upload-Metadata": "filename %%%"},
    ):
        assert tus.http.post(ADDRESS, headers={**TUS, **headers}).status_code == 400
    assert tus.patch(address, 0, b"x", **{"Upload-Offset": "x"}).status_code == 400


def test_method_override_for_clients_behind_old_proxies(tus: TusClient) -> None:
    address = tus.begin(10)
    answer = tus.http.post(
        address,
        b"01234",
        content_type="application/offset+octet-stream",
        headers={**TUS, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"},
    )
    assert answer.status_code == 204
    assert tus.head(address)["Upload-Offset"] == "5"


def test_limits_answer_413_and_are_recorded(tus: TusClient, case: Case, settings) -> None:
    settings.DFD = dataclasses.replace(settings.DFD, max_upload_bytes=1000, case_quota_bytes=1500)
    too_large = tus.create(1001)
    assert (too_large.status_code, too_large.json()["code"]) == (413, "too_large")
    tus.begin(900)
    # What is promised to uploads under way counts.
    quota = tus.create(900)
    assert (quota.status_code, quota.json()["code"]) == (413, "quota")
    assert tus.create(0).json()["code"] == "empty"
    refused = AuditEvent.objects.filter(case_id=case.pk, action="evidence.refused")
    assert [event.payload["code"] for event in refused] == ["too_large", "quota", "empty"]


def test_refused_content_ends_the_upload_with_words(tus: TusClient, case, data_dir) -> None:
    content = b"Dear Sir or Madam,\n" * 20
    address = tus.begin(len(content), filename="film.mp4")
    answer = tus.patch(address, 0, content)
    assert answer.status_code == 415
    assert answer["Content-Type"] == "application/problem+json"
    assert "text, not a recording" in answer.json()["detail"]
    assert tus.head(address).status_code == 410
    assert Upload.objects.get().refusal_code == "unsupported_type"
    assert list((data_dir / "quarantine").iterdir()) == []
    assert AuditEvent.objects.filter(case_id=case.pk, action="evidence.refused").count() == 1


def test_declared_hash_that_differs_is_refused(tus: TusClient) -> None:
    content = wav_bytes()
    address = tus.begin(len(content), sha256="0" * 64)
    answer = tus.patch(address, 0, content)
    assert (answer.status_code, answer.json()["code"]) == (422, "hash_mismatch")


def test_broken_line_keeps_what_came(tus: TusClient, alice) -> None:
    content = wav_bytes()
    address = tus.begin(len(content))
    upload = Upload.objects.get()

    def line_that_breaks():
        yield content[:700]
        raise OSError("connection reset")

    with pytest.raises(OSError, match="reset"):
        uploads.add_bytes(
            actor=user_actor(alice), upload=upload, offset=0, chunks=line_that_breaks()
        )
    assert tus.head(address)["Upload-Offset"] == "700"
    assert tus.patch(address, 700, content[700:])["DFD-Exhibit"]


def test_bytes_behind_the_saved_offset_after_a_crash_are_dropped(tus: TusClient) -> None:
    content = wav_bytes()
    address = tus.begin(len(content))
    tus.patch(address, 0, content[:600])
    with uploads.partial_path(Upload.objects.get()).open("ab") as file:
        file.write(b"unsaved rubbish")
    last = tus.patch(address, 600, content[600:])
    assert Exhibit.objects.get(pk=last["DFD-Exhibit"]).sha256 == hashlib.sha256(content).hexdigest()


def test_finishing_cut_short_by_a_restart_is_made_up_for(tus: TusClient) -> None:
    content = wav_bytes()
    address = tus.begin(len(content))
    # As a server killed between the last byte and the hashing leaves it.
    uploads.partial_path(Upload.objects.get()).write_bytes(content)
    Upload.objects.update(offset=len(content))
    answer = tus.head(address)
    assert Exhibit.objects.get(pk=answer["DFD-Exhibit"]).size == len(content)


def test_two_requests_at_once_do_not_mix(tus: TusClient) -> None:
    address = tus.begin(10)
    with uploads.partial_path(Upload.objects.get()).open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert tus.patch(address, 0, b"x").status_code == 423
    assert tus.patch(address, 0, b"x").status_code == 204


def test_lost_bytes_end_the_upload(tus: TusClient) -> None:
    address = tus.begin(10)
    tus.patch(address, 0, b"12345")
    uploads.partial_path(Upload.objects.get()).write_bytes(b"")
    assert tus.patch(address, 5, b"6").status_code == 410


def test_termination_and_expiry(tus: TusClient, case: Case, data_dir: Path) -> None:
    given_up, forgotten, running = (tus.begin(10) for _ in range(3))
    assert tus.delete(given_up).status_code == 204
    assert tus.head(given_up).status_code == 410
    assert tus.delete(given_up).status_code == 410
    forgotten_id = forgotten.rsplit("/", 1)[1]
    Upload.objects.filter(pk=forgotten_id).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert uploads.expire_uploads() == 1
    assert tus.head(forgotten).status_code == 410
    assert tus.head(running).status_code == 200
    assert len(list((data_dir / "quarantine").iterdir())) == 1
    ends = AuditEvent.objects.filter(case_id=case.pk, action="evidence.upload_terminated")
    assert [event.payload["state"] for event in ends] == ["terminated", "expired"]


def test_strangers_find_nothing(tus: TusClient, case, bob, charlie, alice) -> None:
    address = tus.begin(10)
    # Bob may add to the case, but this upload is not his.
    for person in (bob, charlie):
        stranger = TusClient(person, case)
        assert stranger.head(address).status_code == 404
        assert stranger.patch(address, 0, b"x").status_code == 404
        assert stranger.delete(address).status_code == 404
    outsider = TusClient(charlie, case).create(10)
    assert outsider.status_code == 404
    assert case.number not in outsider.content.decode()
    assert TusClient(charlie, case).create(10, case="no uuid").status_code == 404
    assert Client().post(ADDRESS, headers=TUS).status_code in (401, 403)


def test_member_taken_out_cannot_go_on(tus: TusClient, case, alice, bob) -> None:
    his = TusClient(bob, case)
    address = his.begin(10)
    services.remove_member(actor=user_actor(alice), case=case, user=bob)
    assert his.patch(address, 0, b"x").status_code == 404


def test_session_needs_the_csrf_token(alice, case) -> None:
    http = Client(enforce_csrf_checks=True)
    http.force_login(alice)
    headers = {**TUS, "Upload-Length": "10", "Upload-Metadata": encoded(case=case.pk)}
    assert http.post(ADDRESS, headers=headers).status_code == 403
    assert not Upload.objects.exists()


def test_outage_of_the_scanner_leaves_the_upload_to_be_finished_later(
    tus: TusClient, settings, tmp_path: Path
) -> None:
    content = wav_bytes()
    address = tus.begin(len(content))
    settings.DFD = dataclasses.replace(settings.DFD, clamd=str(tmp_path / "nobody-listens"))
    outage = tus.patch(address, 0, content)
    assert (outage.status_code, outage.json()["code"]) == (503, "scanner")
    settings.DFD = dataclasses.replace(settings.DFD, clamd="")
    assert Exhibit.objects.get(pk=tus.head(address)["DFD-Exhibit"]).size == len(content)
