"""Indexes for a register of 100,000 cases; on PostgreSQL also for parts of words."""

from django.db import migrations, models

# ``icontains`` compares UPPER(column): the expressions must be the same.
SEARCHED = {
    "cases_case": ("number", "title", "description"),
    "cases_exhibit": ("name", "source", "collector"),
    "cases_note": ("text",),
}


def install(_apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        # Part of PostgreSQL and trusted, but some distributions pack it apart. Without it search
        # works and reads whole tables.
        cursor.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'")
        if cursor.fetchone() is None:
            return
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        for table, column in _columns():
            cursor.execute(
                f"CREATE INDEX {table}_{column}_words ON {table} "
                f"USING gin (UPPER({column}::text) gin_trgm_ops)"
            )


def remove(_apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table, column in _columns():
            schema_editor.execute(f"DROP INDEX IF EXISTS {table}_{column}_words")


def _columns():
    return [(table, column) for table, columns in SEARCHED.items() for column in columns]


class Migration(migrations.Migration):
    dependencies = [("cases", "0002_triggers")]

    operations = [
        migrations.AddIndex(
            "case", models.Index(fields=["-created_at", "-number"], name="cases_case_newest")
        ),
        migrations.AddIndex(
            "case", models.Index(fields=["title", "number"], name="cases_case_title")
        ),
        migrations.AddIndex(
            "exhibit", models.Index(fields=["-received_at"], name="cases_exhibit_newest")
        ),
        migrations.AddIndex("note", models.Index(fields=["created_at"], name="cases_note_time")),
        migrations.RunPython(install, remove),
    ]
