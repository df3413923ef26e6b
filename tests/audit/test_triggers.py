"""The database itself refuses to rewrite the ledger."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from audit import checkpoints, triggers
from audit.models import StampRequest
from audit.verification import verify_all
from tests.audit.ledgers import three_chains

STATEMENTS = [
    "UPDATE audit_auditevent SET actor_label = 'somebody else'",
    "DELETE FROM audit_auditevent WHERE seq = 2",
    "DELETE FROM audit_auditevent",
    "UPDATE audit_checkpoint SET root = ''",
    "DELETE FROM audit_checkpoint",
    "DELETE FROM audit_chainhead WHERE chain <> 'global'",
    "UPDATE audit_chainhead SET seq = seq - 1",
    "UPDATE audit_chainhead SET hash = 'x'",
]


@pytest.mark.django_db
@pytest.mark.parametrize("statement", STATEMENTS)
def test_raw_sql_is_refused(statement: str) -> None:
    three_chains()
    checkpoints.keep_outside(checkpoints.create(reason="request"))
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert verify_all().ok


@pytest.mark.django_db
@pytest.mark.parametrize("table", sorted(triggers.REFUSED_UPDATES))
def test_truncate_is_refused_where_it_exists(table: str) -> None:
    # SQLite has no TRUNCATE; its DELETE without WHERE is among the statements above.
    statement = "TRUNCATE" if connection.vendor == "postgresql" else "DELETE FROM"
    three_chains()
    checkpoint = checkpoints.create(reason="request")
    StampRequest.objects.create(checkpoint=checkpoint, stamped_at=timezone.now())
    # PostgreSQL truncates no table whose foreign keys are still to be checked.
    connection.check_constraints()
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"{statement} {table}{_cascade(statement)}")


def _cascade(statement: str) -> str:
    return " CASCADE" if statement == "TRUNCATE" else ""


@pytest.mark.django_db
@pytest.mark.parametrize("table", sorted(triggers.REFUSED_UPDATES))
def test_a_row_cannot_be_replaced(table: str) -> None:
    three_chains()
    checkpoint = checkpoints.create(reason="request")
    StampRequest.objects.create(checkpoint=checkpoint)
    replacing = "INSERT" if connection.vendor == "postgresql" else "INSERT OR REPLACE"
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"{replacing} INTO {table} SELECT * FROM {table}")


@pytest.mark.django_db
def test_a_granted_time_stamp_is_final() -> None:
    three_chains(1)
    checkpoint = checkpoints.create(reason="request")
    request = StampRequest.objects.create(checkpoint=checkpoint)
    request.attempts, request.stamped_at = 1, timezone.now()
    request.save()
    request.response = b"another"
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        request.save()


@pytest.mark.django_db
def test_a_missing_trigger_is_reported() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER audit_auditevent_no_update" + on_its_table("audit_auditevent"))
    assert [problem.code for problem in verify_all().problems] == ["trigger_missing"]
    assert triggers.missing(connection) == ["audit_auditevent_no_update"]


@pytest.mark.django_db
def test_a_disarmed_trigger_is_reported() -> None:
    """It has the right name and lets everything pass."""
    name, table = "audit_auditevent_no_update", "audit_auditevent"
    refuse = {
        "postgresql": "FOR EACH ROW WHEN (false) EXECUTE FUNCTION audit_refuse()",
        "sqlite": "WHEN 0 BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {name}" + on_its_table(table))
        cursor.execute(f"CREATE TRIGGER {name} BEFORE UPDATE ON {table} {refuse}")
    assert triggers.missing(connection) == [name]


@pytest.mark.django_db
def test_a_disarmed_function_and_a_session_without_triggers_are_reported() -> None:
    if connection.vendor != "postgresql":
        return  # SQLite has neither
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RETURN NEW; END $$"
        )
        assert triggers.missing(connection) == ["audit_refuse"]
        cursor.execute("SET LOCAL session_replication_role = replica")
        assert "audit_auditevent_no_update" in triggers.missing(connection)


def on_its_table(table: str) -> str:
    return f" ON {table}" if connection.vendor == "postgresql" else ""
