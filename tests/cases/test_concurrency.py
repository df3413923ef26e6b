"""Many at once: numbers stay unique and without gaps, and only one of two answers counts."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.actors import api_key_actor, user_actor
from accounts.errors import QuotaExceeded
from accounts.models import User
from accounts.services import create_api_key
from cases import services
from cases.errors import CustodyConflict, EvidenceRefused
from cases.models import Case, CustodyEvent, Exhibit
from cases.storage import evidence_store
from tests.cases.media import wav_bytes

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS = 6


def at_once(work: Callable[[int], Any]) -> list[Any]:
    """``work(n)`` in as many threads, each with its own database connection."""

    def run(number: int) -> Any:
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(run, range(WRITERS)))


def test_exhibits_received_at_once_are_numbered_without_gaps(case: Case, alice: Any) -> None:
    def receive(number: int) -> int:
        return services.receive_evidence(
            actor=user_actor(alice),
            case=case,
            stream=io.BytesIO(wav_bytes(tone=100 + number % 2)),
            filename="call.wav",
        ).number

    assert sorted(at_once(receive)) == list(range(1, WRITERS + 1))
    assert CustodyEvent.objects.count() == Exhibit.objects.count() == WRITERS


def test_cases_opened_at_once_have_different_numbers(alice: Any) -> None:
    def open_case(number: int) -> str:
        return services.create_case(actor=user_actor(alice), title=f"Case {number}").number

    numbers = sorted(at_once(open_case))
    assert [number[-4:] for number in numbers] == [f"{n:04d}" for n in range(1, WRITERS + 1)]


def test_only_one_answer_to_a_transfer_counts(case: Case, exhibit: Exhibit, alice, bob) -> None:
    transfer = services.offer_transfer(
        actor=user_actor(alice), exhibit=exhibit, receiver=bob, purpose="Examination"
    )

    def answer(number: int) -> str:
        actor = user_actor(bob)
        try:
            if number % 2:
                services.accept_transfer(actor=actor, transfer=transfer)
            else:
                services.decline_transfer(actor=actor, transfer=transfer, reason="x")
        except CustodyConflict:
            return "too late"
        return "answered"

    assert at_once(answer).count("answered") == 1
    answers = exhibit.custody.filter(kind__in=("transfer_accepted", "transfer_declined"))
    assert answers.count() == 1


@pytest.mark.parametrize("holder", ["key", "user"])
def test_a_quota_of_bytes_is_not_overdrawn_at_once(alice: User, holder: str) -> None:
    """In cases of their own, so that only the quota's owner stands between them."""
    size = len(wav_bytes())
    limit = {"quota_bytes": 2 * size + 10}
    if holder == "user":
        User.objects.filter(pk=alice.pk).update(**limit)
        alice.refresh_from_db()
    key, _ = create_api_key(
        actor=user_actor(alice), owner=alice, name="robot", scopes=["evidence:write"],
        expires_at=timezone.now() + timedelta(hours=1), **(limit if holder == "key" else {}),
    )  # fmt: skip
    cases = [services.create_case(actor=user_actor(alice), title=f"{n}") for n in range(WRITERS)]
    all_here = Barrier(WRITERS)

    def send(number: int) -> str:
        def content() -> Iterator[bytes]:
            yield wav_bytes(tone=100 + number)
            all_here.wait(30)

        try:
            services.receive_evidence(
                actor=api_key_actor(key), case=cases[number], stream=content(), filename="x.wav"
            )
        except QuotaExceeded as refused:
            return refused.code
        return "taken"

    assert sorted(at_once(send)) == ["quota_used_up"] * (WRITERS - 2) + ["taken"] * 2
    assert Exhibit.objects.count() == 2
    stored = [path for path in evidence_store().root.rglob("*") if path.is_file()]
    assert len(stored) == 2


def test_the_room_of_a_case_is_not_overdrawn_at_once(
    case: Case, alice: User, settings: Any
) -> None:
    settings.DFD = dataclasses.replace(settings.DFD, case_quota_bytes=2 * len(wav_bytes()) + 10)
    all_here = Barrier(WRITERS)

    def send(number: int) -> str:
        def content() -> Iterator[bytes]:
            yield wav_bytes(tone=100 + number)
            all_here.wait(30)

        try:
            services.receive_evidence(
                actor=user_actor(alice), case=case, stream=content(), filename="x.wav"
            )
        except EvidenceRefused as refused:
            return str(refused.code)
        return "taken"

    assert sorted(at_once(send)) == ["quota"] * (WRITERS - 2) + ["taken"] * 2
