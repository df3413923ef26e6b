"""Receiving evidence: what is stored, what is refused, and what the ledger says of both."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import stat
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied

from accounts.actors import user_actor
from audit.models import AuditEvent
from cases import services
from cases.acquisition import Acquisition
from cases.errors import EvidenceRefused, InvalidInput
from cases.models import Case, CustodyEvent, Exhibit
from cases.storage import evidence_store
from tests.cases.media import image_bytes, recording, wav_bytes

pytestmark = pytest.mark.django_db


def refusals(case: Case) -> list[str]:
    events = AuditEvent.objects.filter(case_id=case.pk, action="evidence.refused")
    return [event.payload["code"] for event in events]


def test_received_recording_is_stored_under_its_hash_and_recorded(receive, case, alice) -> None:
    content = wav_bytes()
    exhibit = receive(content, filename="C:\\calls\\first call\x07.mp4")

    assert exhibit.label == f"{case.number}/1"
    assert exhibit.name == "first call.mp4"
    assert (exhibit.kind, exhibit.mime_type, exhibit.size) == ("audio", "audio/wav", len(content))
    assert exhibit.sha256 == hashlib.sha256(content).hexdigest()
    assert exhibit.sha512 == hashlib.sha512(content).hexdigest()
    assert exhibit.md5 == hashlib.md5(content, usedforsecurity=False).hexdigest()
    assert exhibit.sha1 == hashlib.sha1(content, usedforsecurity=False).hexdigest()
    assert exhibit.custodian == alice
    stored = evidence_store().path(exhibit.storage_key)
    assert stored.name == exhibit.sha256
    assert stored.read_bytes() == content
    assert stat.S_IMODE(stored.stat().st_mode) == 0o440

    custody = CustodyEvent.objects.get(exhibit=exhibit)
    assert (custody.kind, custody.sha256_before) == ("received", exhibit.sha256)
    event = AuditEvent.objects.get(case_id=case.pk, action="evidence.received")
    assert event.payload["sha256"] == exhibit.sha256
    assert "first call" not in event.payload_text


def test_numbers_run_on_and_quarantine_is_left_empty(receive, data_dir: Path) -> None:
    numbers = [receive(wav_bytes(tone=100 * n)).number for n in range(1, 4)]
    assert numbers == [1, 2, 3]
    assert list((data_dir / "quarantine").iterdir()) == []


def test_acquisition_record_keeps_the_stated_offset(receive) -> None:
    acquired = datetime(2026, 3, 1, 9, 30, tzinfo=timezone(timedelta(hours=-5)))
    exhibit = receive(
        acquisition=Acquisition(
            source="Phone of the caller",
            collector="A. Smith",
            authority="Warrant 7/26",
            method="Cable, logical copy",
            acquired_at=acquired,
        )
    )
    exhibit.refresh_from_db()
    assert exhibit.acquired_at == acquired
    assert exhibit.acquired_utc_offset == "-05:00"
    assert (exhibit.source, exhibit.collector) == ("Phone of the caller", "A. Smith")
    assert (exhibit.authority, exhibit.acquisition_method) == (
        "Warrant 7/26",
        "Cable, logical copy",
    )


def test_acquisition_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidInput, match="time zone"):
        Acquisition(acquired_at=datetime(2026, 3, 1, 9, 30))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", "empty", "empty"),
        (b"Dear Sir or Madam,\n" * 30, "unsupported_type", "text, not a recording"),
        (wav_bytes()[:2000], "corrupt", "cut off"),
        (image_bytes("png")[:-20], "corrupt", "cut off"),
    ],
)
def test_bad_file_is_refused_with_words_and_recorded(
    receive, case, data_dir, content, code, words
) -> None:
    with pytest.raises(EvidenceRefused, match=words) as caught:
        receive(content, filename="film.mp4")
    assert caught.value.code == code
    assert refusals(case) == [code]
    assert not Exhibit.objects.exists()
    assert list((data_dir / "quarantine").iterdir()) == []


def test_truncated_film_is_refused(receive, case, tmp_path: Path) -> None:
    content = recording(tmp_path / "a.mp4", audio="aac", video="mpeg4").read_bytes()
    with pytest.raises(EvidenceRefused, match="complete copy"):
        receive(content[: len(content) // 2])
    assert refusals(case) == ["corrupt"]


def test_size_limit_stops_the_stream_before_it_ends(receive, case, alice, settings) -> None:
    settings.DFD = dataclasses.replace(settings.DFD, max_upload_bytes=2_000_000)
    asked = []

    def endless():
        while True:
            asked.append(1)
            yield bytes(500_000)

    with pytest.raises(EvidenceRefused) as caught:
        services.receive_evidence(
            actor=user_actor(alice), case=case, stream=endless(), filename="a.wav"
        )
    assert caught.value.code == "too_large"
    assert len(asked) == 5
    assert refusals(case) == ["too_large"]


def test_case_quota_counts_what_is_there(receive, case, settings) -> None:
    size = len(wav_bytes())
    settings.DFD = dataclasses.replace(settings.DFD, case_quota_bytes=2 * size)
    receive(wav_bytes(tone=100))
    receive(wav_bytes(tone=200))
    with pytest.raises(EvidenceRefused) as caught:
        receive(wav_bytes(tone=300))
    assert caught.value.code == "quota"
    assert refusals(case) == ["quota"]


def test_declared_hash_is_compared(receive, case) -> None:
    content = wav_bytes()
    digest = hashlib.sha256(content).hexdigest()
    assert receive(content, declared_sha256=digest.upper()).declared_sha256 == digest
    for wrong in ("0" * 64, "not a hash"):
        with pytest.raises(EvidenceRefused) as caught:
            receive(content, declared_sha256=wrong)
        assert caught.value.code == "hash_mismatch"
    assert refusals(case) == ["hash_mismatch"] * 2
    assert Exhibit.objects.count() == 1


def test_one_byte_flipped_between_stream_and_store_is_found(case, alice, data_dir) -> None:
    content = wav_bytes()

    def stream_with_a_failing_disk():
        yield content[:1000]
        (partial,) = (data_dir / "quarantine").iterdir()
        with partial.open("r+b") as file:
            file.seek(500)
            byte = file.read(1)
            file.seek(500)
            file.write(bytes([byte[0] ^ 1]))
        yield content[1000:]

    with pytest.raises(EvidenceRefused, match="not the bytes that were received"):
        services.receive_evidence(
            actor=user_actor(alice), case=case, stream=stream_with_a_failing_disk(), filename="a"
        )
    assert refusals(case) == ["hash_mismatch"]
    assert not Exhibit.objects.exists()


def test_damaged_copy_in_the_store_refuses_the_same_content(receive, case) -> None:
    first = receive()
    stored = evidence_store().path(first.storage_key)
    stored.chmod(0o640)
    stored.write_bytes(stored.read_bytes()[:-1] + b"\x00")
    with pytest.raises(EvidenceRefused, match="damaged"):
        receive()
    assert refusals(case) == ["hash_mismatch"]
    assert stored.exists()


def test_closed_case_takes_nothing(receive, case, alice) -> None:
    services.close_case(actor=user_actor(alice), case=case)
    with pytest.raises(EvidenceRefused) as caught:
        receive()
    assert caught.value.code == "case_closed"
    assert refusals(case) == ["case_closed"]


def test_case_closed_while_the_file_came_in_takes_nothing(case, alice) -> None:
    content = wav_bytes()

    def slow_stream():
        yield content[:1000]
        services.close_case(actor=user_actor(alice), case=case)
        yield content[1000:]

    with pytest.raises(EvidenceRefused) as caught:
        services.receive_evidence(
            actor=user_actor(alice), case=case, stream=slow_stream(), filename="a.wav"
        )
    assert caught.value.code == "case_closed"
    assert not Exhibit.objects.exists()


def test_outsider_and_viewer_may_not_add_evidence(receive, case, alice, charlie, data_dir) -> None:
    with pytest.raises(PermissionDenied):
        receive(by=charlie)
    services.add_member(actor=user_actor(alice), case=case, user=charlie, role="viewer")
    with pytest.raises(PermissionDenied):
        receive(by=charlie)
    denied = AuditEvent.objects.filter(case_id=case.pk, action="permission.denied")
    assert [event.actor_id for event in denied] == [str(charlie.pk)] * 2
    assert not (data_dir / "quarantine").exists()


def test_same_content_elsewhere_is_linked_without_being_revealed(
    receive, alice, charlie, auditor
) -> None:
    from cases import selectors

    first = receive()
    other = services.create_case(actor=user_actor(charlie), title="Charlie's own")
    second = services.receive_evidence(
        actor=user_actor(charlie), case=other, stream=io.BytesIO(wav_bytes()), filename="b.wav"
    )
    assert second.sha256 == first.sha256
    assert second.storage_key != first.storage_key
    assert not selectors.same_content(user_actor(charlie), second).exists()
    assert not selectors.same_content(user_actor(alice), first).exists()
    assert list(selectors.same_content(user_actor(auditor), first)) == [second]
    seen_by_charlie = AuditEvent.objects.filter(case_id=other.pk)
    assert not any(str(first.pk) in event.payload_text for event in seen_by_charlie)
    link = AuditEvent.objects.get(action="evidence.linked")
    assert link.case_id is None
    assert set(link.payload["exhibits"]) == {str(first.pk), str(second.pk)}
