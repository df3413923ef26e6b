"""Each receipt says where its time came from."""

from __future__ import annotations

import re

import pytest

from audit.models import AuditEvent
from cases.clock import clock_state
from cases.models import Exhibit

WORDS = re.compile(r"unknown|not synchronised|synchronised, off by at most \d+ ms")


def test_the_kernel_says_whether_its_clock_is_synchronised() -> None:
    assert WORDS.fullmatch(clock_state())
    assert clock_state() != "unknown"


@pytest.mark.django_db
def test_a_receipt_records_it(exhibit: Exhibit) -> None:
    event = exhibit.custody.get(kind="received")
    assert WORDS.fullmatch(event.result.removeprefix("server clock: "))
    entry = AuditEvent.objects.get(action="evidence.received")
    assert WORDS.fullmatch(entry.payload["clock"])
