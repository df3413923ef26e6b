"""The database's own refusal to rewrite the ledger, on PostgreSQL and SQLite.

SQLite has no TRUNCATE: its DELETE without WHERE fires the DELETE trigger. Its INSERT OR REPLACE
fires no DELETE trigger, so there an INSERT that would replace a row is refused too.

A later migration that alters one of these tables on SQLite remakes the table and drops its
triggers: it must run ``install`` again.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db.backends.base.base import BaseDatabaseWrapper

MESSAGE = "the ledger is append-only"
# Which updates are refused: all, a head that does not grow by one entry, or a granted time stamp.
REFUSED_UPDATES = {
    "audit_auditevent": "",
    "audit_checkpoint": "",
    "audit_chainhead": "NEW.chain <> OLD.chain OR NEW.seq <> OLD.seq + 1",
    "audit_stamprequest": "OLD.stamped_at IS NOT NULL",
}

# What an inserted row must not share with a stored one (SQLite).
TAKEN = {
    "audit_auditevent": (
        "id = NEW.id OR (chain = NEW.chain AND (seq = NEW.seq OR prev_hash = NEW.prev_hash))"
    ),
    "audit_checkpoint": "id = NEW.id OR size = NEW.size",
    "audit_chainhead": "chain = NEW.chain",
    "audit_stamprequest": "id = NEW.id OR checkpoint_id = NEW.checkpoint_id",
}


def install(connection: BaseDatabaseWrapper) -> Iterator[str]:
    """The SQL statements that create the triggers for the database behind ``connection``."""
    if connection.vendor == "postgresql":
        yield (
            "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN RAISE EXCEPTION '% on % refused: {MESSAGE}', TG_OP, TG_TABLE_NAME "
            "USING ERRCODE = 'restrict_violation'; END $$"
        )
    for table, condition in REFUSED_UPDATES.items():
        for event in events(connection):
            replaced = f"EXISTS (SELECT 1 FROM {table} WHERE {TAKEN[table]})"
            when = {"update": condition, "insert": replaced}.get(event, "")
            yield _create(connection.vendor, table, event, when)


def remove(connection: BaseDatabaseWrapper) -> Iterator[str]:
    """The SQL statements that drop the triggers."""
    for table in REFUSED_UPDATES:
        for event in events(connection):
            on_table = f" ON {table}" if connection.vendor == "postgresql" else ""
            yield f"DROP TRIGGER IF EXISTS {name(table, event)}{on_table}"
    if connection.vendor == "postgresql":
        yield "DROP FUNCTION IF EXISTS audit_refuse()"


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """The names of the ledger's triggers that should be there and are not, or are switched off."""
    expected = [name(table, event) for table in REFUSED_UPDATES for event in events(connection)]
    return absent(connection, expected)


def absent(connection: BaseDatabaseWrapper, expected: list[str]) -> list[str]:
    """Which of the triggers called ``expected`` are gone or switched off."""
    if connection.vendor == "postgresql":
        query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')"
    else:
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    with connection.cursor() as cursor:
        cursor.execute(query)
        present = {row[0] for row in cursor.fetchall()}
    return [trigger for trigger in expected if trigger not in present]


def events(connection: BaseDatabaseWrapper) -> tuple[str, ...]:
    """The statements that the triggers guard against on this database."""
    if connection.vendor == "postgresql":
        return ("update", "delete", "truncate")
    return ("update", "delete", "insert")


def name(table: str, event: str) -> str:
    """The name of the trigger of ``table`` against ``event``."""
    return f"{table}_no_{event}"


def _create(vendor: str, table: str, event: str, condition: str) -> str:
    when = f" WHEN ({condition})" if condition else ""
    head = f"CREATE TRIGGER {name(table, event)} BEFORE {event.upper()} ON {table}"
    if vendor == "postgresql":
        level = "STATEMENT" if event == "truncate" else "ROW"
        return f"{head} FOR EACH {level}{when} EXECUTE FUNCTION audit_refuse()"
    return f"{head} FOR EACH ROW{when} BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
