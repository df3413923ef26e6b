"""The database's own refusal to rewrite evidence, on PostgreSQL and SQLite.

A later migration that alters one of these tables on SQLite remakes the table and drops its
triggers: it must run ``install`` again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from django.db.backends.base.base import BaseDatabaseWrapper

from audit.triggers import absent, events
from audit.witnesses import Disagreement


@dataclass(frozen=True)
class Guard:
    """What the database refuses for one table; deleting rows and TRUNCATE always.

    ``fixed``: columns that keep their first value. ``final``: SQL on OLD and NEW; while it holds,
    the row may not change at all. ``unique``: further unique columns than the key (SQLite).
    """

    table: str
    message: str
    fixed: tuple[str, ...] = ()
    final: str = ""
    unique: tuple[str, ...] = ()


ALWAYS = "1 = 1"
GUARDS = (
    Guard(
        "cases_case",
        "a case keeps its number and is never deleted",
        fixed=("id", "number", "created_at", "created_by_label"),
        final="NEW.last_exhibit_number < OLD.last_exhibit_number",
        unique=("number",),
    ),
    Guard(
        "cases_exhibit",
        "the original and its record never change",
        fixed=(
            "id",
            "case_id",
            "number",
            "name",
            "kind",
            "mime_type",
            "size",
            "sha256",
            "sha512",
            "md5",
            "sha1",
            "declared_sha256",
            "storage_key",
            "received_at",
            "received_by_kind",
            "received_by_id",
            "received_by_label",
            "source",
            "collector",
            "authority",
            "acquisition_method",
            "acquired_at",
            "acquired_utc_offset",
        ),
        final="OLD.state = 'destroyed'",
        unique=("case_id", "number"),
    ),
    Guard("cases_custodyevent", "custody is append-only", final=ALWAYS),
    Guard("cases_note", "notes are append-only", final=ALWAYS),
    Guard(
        "cases_destructioncertificate",
        "a certificate is written once",
        final=ALWAYS,
        unique=("request_id",),
    ),
    Guard(
        "cases_destructionrequest",
        "an answered request is final",
        fixed=("id", "exhibit_id", "reason", "authority", "requested_at", "requested_by_id"),
        final="OLD.status <> 'requested'",
    ),
    Guard(
        "cases_legalhold",
        "a hold is released once and stays on record",
        fixed=("id", "case_id", "exhibit_id", "matter", "reason", "placed_at", "placed_by_label"),
        final="OLD.released_at IS NOT NULL",
    ),
    Guard(
        "cases_transfer",
        "an answered transfer is final",
        fixed=("id", "exhibit_id", "giver_label", "receiver_id", "purpose", "offered_at"),
        final="OLD.status <> 'offered'",
    ),
)


def without(columns: tuple[str, ...]) -> tuple[Guard, ...]:
    """The guards before ``columns`` were there, for the migration that came first."""
    return tuple(
        replace(guard, fixed=tuple(name for name in guard.fixed if name not in columns))
        for guard in GUARDS
    )


def install(connection: BaseDatabaseWrapper, guards: tuple[Guard, ...] = GUARDS) -> Iterator[str]:
    """The SQL statements that create the triggers for the database behind ``connection``.

    Other rooms pass guards of their own; the function that refuses is shared.
    """
    if connection.vendor == "postgresql":
        yield (
            "CREATE OR REPLACE FUNCTION cases_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "BEGIN RAISE EXCEPTION '% on % refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[0] "
            "USING ERRCODE = 'restrict_violation'; END $$"
        )
    for guard in guards:
        yield from (_postgresql if connection.vendor == "postgresql" else _sqlite)(guard)


def remove(connection: BaseDatabaseWrapper, guards: tuple[Guard, ...] = GUARDS) -> Iterator[str]:
    """The SQL statements that drop the triggers, and this room's function with its own."""
    postgresql = connection.vendor == "postgresql"
    for guard in guards:
        for event in events(connection):
            on_table = f" ON {guard.table}" if postgresql else ""
            yield f"DROP TRIGGER IF EXISTS {name(guard.table, event)}{on_table}"
    if postgresql and guards is GUARDS:
        yield "DROP FUNCTION IF EXISTS cases_refuse()"


def missing(
    connection: BaseDatabaseWrapper, guards: tuple[Guard, ...] = GUARDS
) -> Iterator[Disagreement]:
    """The triggers of ``guards`` that are gone, switched off or not ours any more."""
    for trigger in absent(connection, install(connection, guards)):
        yield Disagreement("trigger_missing", f"the database trigger {trigger} is gone or disarmed")


def name(table: str, event: str) -> str:
    """The name of the trigger of ``table`` against ``event``."""
    return f"{table}_no_{event}"


def _postgresql(guard: Guard) -> Iterator[str]:
    for event in ("update", "delete", "truncate"):
        level = "STATEMENT" if event == "truncate" else "ROW"
        when = f" WHEN ({_changed(guard, 'IS DISTINCT FROM')})" if event == "update" else ""
        yield (
            f"CREATE TRIGGER {name(guard.table, event)} BEFORE {event.upper()} ON {guard.table} "
            f"FOR EACH {level}{when} EXECUTE FUNCTION cases_refuse('{guard.message}')"
        )


def _sqlite(guard: Guard) -> Iterator[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{guard.message}'); END"
    changed = _changed(guard, "IS NOT")
    yield (
        f"CREATE TRIGGER {name(guard.table, 'update')} BEFORE UPDATE ON {guard.table} "
        f"WHEN {changed} {refuse}"
    )
    yield f"CREATE TRIGGER {name(guard.table, 'delete')} BEFORE DELETE ON {guard.table} {refuse}"
    # INSERT OR REPLACE would take the old row away without asking the DELETE trigger.
    same = ["id = NEW.id"]
    if guard.unique:
        same.append(" AND ".join(f"{column} = NEW.{column}" for column in guard.unique))
    taken = f"EXISTS (SELECT 1 FROM {guard.table} WHERE {' OR '.join(f'({s})' for s in same)})"
    yield (
        f"CREATE TRIGGER {name(guard.table, 'insert')} BEFORE INSERT ON {guard.table} "
        f"WHEN {taken} {refuse}"
    )


def _changed(guard: Guard, differs: str) -> str:
    conditions = [f"OLD.{column} {differs} NEW.{column}" for column in guard.fixed]
    if guard.final:
        conditions.append(guard.final)
    return " OR ".join(conditions)
