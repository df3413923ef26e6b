"""Evidence refuses to be rewritten by raw SQL. Runs on SQLite here, on PostgreSQL through
``test_postgresql``."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.actors import user_actor
from audit.transactions import audited
from cases import services
from cases.models import CustodyEvent, Exhibit, LegalHold, Note

pytestmark = pytest.mark.django_db


def refused(sql: str) -> str:
    """Run the statement, which the database must refuse; its words."""
    with (
        pytest.raises(DatabaseError) as caught,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)
    return str(caught.value)


@pytest.mark.parametrize(
    "assignment",
    [
        "sha256 = repeat_a",
        "sha512 = 'x'",
        "md5 = NULL",
        "sha1 = 'x'",
        "size = size + 1",
        "storage_key = 'aa/bb'",
        "number = 7",
        "declared_sha256 = 'x'",
        "received_by_label = 'somebody else'",
        "source = 'another phone'",
        "acquired_at = NULL, acquired_utc_offset = '+01:00'",
    ],
)
def test_raw_update_of_an_exhibit_is_refused(exhibit: Exhibit, assignment: str) -> None:
    sql = f"UPDATE cases_exhibit SET {assignment.replace('repeat_a', repr('a' * 64))}"
    assert "the original and its record never change" in refused(sql)
    before = exhibit.sha256
    exhibit.refresh_from_db()
    assert exhibit.sha256 == before


def test_queryset_update_is_refused_too(exhibit: Exhibit) -> None:
    with pytest.raises(DatabaseError, match="never change"), audited():
        Exhibit.objects.filter(pk=exhibit.pk).update(sha256="a" * 64)


def test_state_may_still_change_until_destroyed(exhibit: Exhibit) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE cases_exhibit SET state = 'frozen'")
        cursor.execute("UPDATE cases_exhibit SET state = 'destroyed'")
    assert "never change" in refused("UPDATE cases_exhibit SET state = 'stored'")


@pytest.mark.parametrize("table", ["cases_exhibit", "cases_custodyevent", "cases_case"])
def test_raw_delete_is_refused(exhibit: Exhibit, table: str) -> None:
    assert refused(f"DELETE FROM {table}")
    assert Exhibit.objects.filter(pk=exhibit.pk).exists()


def test_custody_and_notes_are_append_only(exhibit: Exhibit, alice) -> None:
    services.add_note(actor=user_actor(alice), case=exhibit.case, text="Heard twice.")
    assert "append-only" in refused("UPDATE cases_custodyevent SET purpose = 'none'")
    assert "append-only" in refused("UPDATE cases_note SET text = 'Heard once.'")
    assert "append-only" in refused("DELETE FROM cases_note")
    assert Note.objects.get().text == "Heard twice."


def test_released_hold_stays_released_and_on_record(exhibit: Exhibit, alice) -> None:
    actor = user_actor(alice)
    hold = services.place_hold(actor=actor, case=exhibit.case, matter="7/26", reason="Appeal")
    assert "released once" in refused("UPDATE cases_legalhold SET matter = '8/26'")
    services.release_hold(actor=actor, hold=hold, reason="Appeal withdrawn")
    assert "released once" in refused("UPDATE cases_legalhold SET released_at = NULL")
    assert "released once" in refused("DELETE FROM cases_legalhold")
    assert LegalHold.objects.get().released_at is not None


def test_case_counter_never_runs_back_and_number_stays(exhibit: Exhibit) -> None:
    assert refused("UPDATE cases_case SET last_exhibit_number = 0")
    assert refused("UPDATE cases_case SET number = '1999-0001'")


def test_ways_around_delete_are_refused(exhibit: Exhibit) -> None:
    if connection.vendor == "postgresql":
        # Without this PostgreSQL refuses anyway, for the foreign keys it has yet to check.
        connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
        statements = ["TRUNCATE cases_custodyevent", "TRUNCATE cases_exhibit CASCADE"]
    else:
        statements = [*replacing_inserts(), REPLACE_CUSTODY]
    for statement in statements:
        assert "never change" in (words := refused(statement)) or "append-only" in words
    exhibit.refresh_from_db()
    assert CustodyEvent.objects.count() == 1


REPLACE_CUSTODY = "INSERT OR REPLACE INTO cases_custodyevent SELECT * FROM cases_custodyevent"


def replacing_inserts() -> list[str]:
    """Statements that put a changed exhibit in the place of the old, by key and by number."""
    columns = ", ".join(field.column for field in Exhibit._meta.concrete_fields)
    changed = columns.replace("sha512", "'x'").replace("declared_sha256", "''")
    keys = ("id", "'00000000000000000000000000000001'")
    return [
        f"INSERT OR REPLACE INTO cases_exhibit ({columns}) "
        f"SELECT {changed.replace('id,', f'{key},', 1)} FROM cases_exhibit"
        for key in keys
    ]
