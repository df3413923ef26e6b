"""Many at once: numbers stay unique and without gaps, and only one of two answers counts."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from accounts.actors import user_actor
from cases import services
from cases.errors import CustodyConflict
from cases.models import Case, CustodyEvent, Exhibit
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
