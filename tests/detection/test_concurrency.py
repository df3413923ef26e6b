"""Many callers at once: no quota is overdrawn, and batches over the same cases end."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from accounts.actors import user_actor
from accounts.errors import QuotaExceeded
from accounts.models import User
from cases import services as cases
from cases.models import Exhibit
from detection import services
from detection.models import Analysis
from tests.detection.conftest import png

pytestmark = pytest.mark.django_db(transaction=True)
CALLERS = 4


def at_once(work: Any) -> list[Any]:
    """``work(n)`` in as many threads, each with its own database connection."""
    all_here = Barrier(CALLERS)

    def run(number: int) -> Any:
        try:
            all_here.wait(30)
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(run, range(CALLERS)))


@pytest.fixture
def exhibits(alice: User) -> list[Exhibit]:
    """One picture in each of two cases."""
    actor = user_actor(alice)
    return [
        cases.receive_evidence(
            actor=actor,
            case=cases.create_case(actor=actor, title=f"{number}"),
            stream=io.BytesIO(png(number)),
            filename="photo.png",
        )
        for number in (1, 2)
    ]


def submit(alice: User, exhibits: list[Exhibit]) -> str:
    try:
        services.submit_analyses(
            actor=user_actor(alice), exhibits=exhibits, profile="standard", parameters={}
        )
    except QuotaExceeded as refused:
        return refused.code
    return "queued"


def test_batches_over_the_same_cases_do_not_wait_for_each_other(
    alice: User, exhibits: list[Exhibit]
) -> None:
    outcomes = [
        at_once(lambda n: submit(alice, exhibits if n % 2 else exhibits[::-1])) for _ in range(5)
    ]
    assert outcomes == [["queued"] * CALLERS] * 5


def test_a_quota_of_analyses_is_not_overdrawn_at_once(alice: User, exhibits: list[Exhibit]) -> None:
    User.objects.filter(pk=alice.pk).update(quota_analyses=5)
    alice.refresh_from_db()
    outcomes = at_once(lambda n: submit(alice, exhibits if n % 2 else exhibits[::-1]))
    assert sorted(outcomes) == ["queued", "queued", "quota_used_up", "quota_used_up"]
    assert Analysis.objects.count() == 4
