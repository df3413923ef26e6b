"""The database's own refusal to rewrite the ledger, on PostgreSQL and SQLite.

SQLite has no TRUNCATE: its DELETE without WHERE fires the DELETE trigger. Its INSERT OR REPLACE
fires no DELETE trigger, so there an INSERT that would replace a row is refused too.

A later migration that alters one of these tables on SQLite remakes the table and drops its
triggers: it must run ``install`` again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

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
    """The names of the ledger's triggers that are gone, switched off or not ours any more."""
    return absent(connection, install(connection))


def absent(connection: BaseDatabaseWrapper, statements: Iterable[str]) -> list[str]:
    """The names of what ``statements`` create and the database has not, off, or otherwise.

    A trigger of the right name that refuses nothing is as good as none.
    """
    stored = _stored(connection)
    wanted = map(_name_and_text, statements)
    return [wanted_name for wanted_name, text in wanted if stored.get(wanted_name) != text]


def _stored(connection: BaseDatabaseWrapper) -> dict[str, str]:
    queries = ["SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SHOW session_replication_role")
            if cursor.fetchone() == ("replica",):
                return {}  # no trigger fires
            queries = [
                "SELECT tgname, pg_get_triggerdef(oid, true) FROM pg_trigger "
                "WHERE NOT tgisinternal AND tgenabled IN ('O', 'A') "
                "AND pg_table_is_visible(tgrelid)",
                "SELECT proname, prosrc FROM pg_proc WHERE pg_function_is_visible(oid)",
            ]
        found: dict[str, str] = {}
        for query in queries:
            cursor.execute(query)
            found |= {row[0]: _plain(row[1]) for row in cursor.fetchall()}
    return found


def _name_and_text(statement: str) -> tuple[str, str]:
    if "$$" in statement:
        head, body, _ = statement.split("$$")
        return head.split("FUNCTION ")[1].partition("(")[0], _plain(body)
    return statement.split()[2], _plain(statement)


def _plain(sql: str) -> str:
    """``sql`` without what PostgreSQL adds when it prints a trigger: casts, brackets, ANY."""
    bare = re.sub(r"::(character varying|text)(\[\])?|[\s()]", "", sql.lower())
    return re.sub(r"=anyarray\[(.*?)\]", r"in\1", bare)


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
