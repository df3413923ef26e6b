"""Written once means written once, even for raw SQL.

A later migration that alters one of these tables on SQLite remakes the table and drops its
triggers: it must install them again (run ``install`` of this module).
"""

from django.db import migrations

WRITTEN_ONCE = {
    "detection_finding": "a finding",
    "detection_artefact": "the record of a derived file",
    "detection_reviewrequest": "a request for review",
    "detection_review": "a review",
    "detection_modelversion": "a registered weight set",
    "detection_modeldecision": "a decision about a weight set",
}
ANALYSIS = "detection_analysis"
# What was asked stays as it was asked.
FIXED = (
    "id",
    "exhibit_id",
    "profile",
    "parameters",
    "rerun_of_id",
    "submitted_by_kind",
    "submitted_by_id",
    "submitted_by_label",
    "request_id",
    "created_at",
)
FINAL = "OLD.status IN ('complete', 'failed', 'cancelled')"


def install(_apps, schema_editor):
    statements = {"sqlite": _sqlite, "postgresql": _postgresql}[schema_editor.connection.vendor]()
    for statement in statements:
        schema_editor.execute(statement)


def remove(_apps, schema_editor):
    postgresql = schema_editor.connection.vendor == "postgresql"
    for table in (*WRITTEN_ONCE, ANALYSIS):
        for event in ("update", "delete", "truncate") if postgresql else ("update", "delete"):
            on_table = f" ON {table}" if postgresql else ""
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_no_{event}{on_table}")
    if postgresql:
        schema_editor.execute("DROP FUNCTION IF EXISTS detection_refuse()")


def _sqlite():
    for table, what in WRITTEN_ONCE.items():
        for event in ("update", "delete"):
            yield (
                f"CREATE TRIGGER {table}_no_{event} BEFORE {event.upper()} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{what} is written once'); END"
            )
    changed = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in FIXED)
    yield (
        f"CREATE TRIGGER {ANALYSIS}_no_update BEFORE UPDATE ON {ANALYSIS} "
        f"WHEN {FINAL} OR {changed} "
        "BEGIN SELECT RAISE(ABORT, 'a finished analysis and what was asked of it never change'); "
        "END"
    )
    yield (
        f"CREATE TRIGGER {ANALYSIS}_no_delete BEFORE DELETE ON {ANALYSIS} "
        "BEGIN SELECT RAISE(ABORT, 'an analysis is never deleted'); END"
    )


def _postgresql():
    yield (
        "CREATE FUNCTION detection_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '% on % refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[0] "
        "USING ERRCODE = 'restrict_violation'; END $$"
    )
    for table, what in WRITTEN_ONCE.items():
        for event in ("update", "delete"):
            yield (
                f"CREATE TRIGGER {table}_no_{event} BEFORE {event.upper()} ON {table} "
                f"FOR EACH ROW EXECUTE FUNCTION detection_refuse('{what} is written once')"
            )
    changed = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in FIXED)
    yield (
        f"CREATE TRIGGER {ANALYSIS}_no_update BEFORE UPDATE ON {ANALYSIS} FOR EACH ROW "
        f"WHEN ({FINAL} OR {changed}) EXECUTE FUNCTION "
        "detection_refuse('a finished analysis and what was asked of it never change')"
    )
    yield (
        f"CREATE TRIGGER {ANALYSIS}_no_delete BEFORE DELETE ON {ANALYSIS} FOR EACH ROW "
        "EXECUTE FUNCTION detection_refuse('an analysis is never deleted')"
    )
    for table in (*WRITTEN_ONCE, ANALYSIS):
        yield (
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION detection_refuse('written once')"
        )


class Migration(migrations.Migration):
    dependencies = [("detection", "0001_initial")]

    operations = [migrations.RunPython(install, remove)]
