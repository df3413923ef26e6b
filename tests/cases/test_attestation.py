"""With the triggers dropped, whatever is done to evidence is found by comparison with the ledger.

Runs on SQLite here, on PostgreSQL through ``test_postgresql``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import connection

from accounts.actors import user_actor
from accounts.models import User
from audit.verification import verify_all
from cases import services, triggers
from cases.acquisition import Acquisition
from cases.models import Exhibit
from cases.storage import evidence_store

pytestmark = pytest.mark.django_db


@pytest.fixture
def handled(receive: Callable[..., Exhibit], alice: User) -> Exhibit:
    """An exhibit with a custody of several steps."""
    stated = Acquisition(source="a phone", acquired_at=datetime(2026, 3, 1, tzinfo=UTC))
    exhibit = receive(acquisition=stated)
    actor = user_actor(alice)
    services.record_view(actor=actor, exhibit=exhibit)
    services.verify_exhibit(actor=actor, exhibit=exhibit)
    services.open_exhibit(actor=actor, exhibit=exhibit, purpose="hearing")
    services.record_export(actor=actor, exhibit=exhibit, purpose="disclosure", export="1")
    assert verify_all().problems == ()
    return exhibit


def as_database_administrator(*statements: str) -> list[str]:
    """Drop the triggers, run the statements; what the verification then says besides."""
    with connection.cursor() as cursor:
        for statement in (*triggers.remove(connection, triggers.GUARDS[:4]), *statements):
            cursor.execute(statement)
    problems = verify_all().problems
    missing = [problem for problem in problems if problem.code == "trigger_missing"]
    assert len(missing) == 12
    return [problem.message for problem in problems if problem.code != "trigger_missing"]


def test_dropped_triggers_are_named(handled: Exhibit) -> None:
    assert as_database_administrator() == []


@pytest.mark.parametrize(
    ("assignment", "named"),
    [
        ("sha256 = 'x'", "sha256"),
        ("sha512 = 'x'", "sha512"),
        ("size = size + 1", "size"),
        ("storage_key = 'aa/bb'", "storage_key"),
        ("number = 7", "number"),
        ("name = 'other.wav'", "name_sha256"),
        ("source = 'another phone'", "acquisition_sha256"),
        ("acquired_at = NULL", "acquisition_sha256"),
    ],
)
def test_a_changed_exhibit_is_named(handled: Exhibit, assignment: str, named: str) -> None:
    (message,) = as_database_administrator(f"UPDATE cases_exhibit SET {assignment}")
    assert f"(cases.exhibit:{handled.pk}): the ledger has another {named}" in message


def test_a_swapped_file_with_its_row_made_to_fit_is_named(handled: Exhibit) -> None:
    """The file check alone would be satisfied: row and bytes agree with each other."""
    path = evidence_store().path(handled.storage_key)
    path.chmod(0o640)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    digests = evidence_store().digests(handled.storage_key)
    (message,) = as_database_administrator(
        f"UPDATE cases_exhibit SET sha256 = '{digests.sha256}', sha512 = '{digests.sha512}'"
    )
    assert "the ledger has another sha256, sha512" in message


def test_deleted_and_invented_custody_steps_are_named(handled: Exhibit) -> None:
    (message,) = as_database_administrator(
        "DELETE FROM cases_custodyevent WHERE kind = 'downloaded'"
    )
    assert "1 fewer steps than the ledger has entries evidence.downloaded" in message
    (_, more) = as_database_administrator(
        "UPDATE cases_custodyevent SET kind = 'returned' WHERE kind = 'viewed'"
    )[:2]
    assert "evidence." in more


def test_an_exhibit_that_nobody_received_is_named(handled: Exhibit) -> None:
    columns = ", ".join(str(field.column) for field in Exhibit._meta.concrete_fields)
    copied = columns.replace("id,", "'00000000000000000000000000000009',", 1)
    copied = copied.replace("number", "9")
    (message,) = as_database_administrator(
        f"INSERT INTO cases_exhibit ({columns}) SELECT {copied} FROM cases_exhibit"
    )
    assert message.endswith("is not on the ledger")
