"""MD5 and SHA-1 of each original, for look-up in old hash sets only, fixed like its SHA-256."""

from django.db import migrations, models

from cases import triggers

TABLE = "cases_exhibit"
HELP = "for look-up in old hash sets only, not for integrity"


def guarded_by(guards):
    """A step that puts the triggers of the exhibits' guard in ``guards`` in place of the old."""

    def step(_apps, schema_editor):
        chosen = tuple(guard for guard in guards if guard.table == TABLE)
        connection = schema_editor.connection
        for statement in triggers.remove(connection, chosen):
            schema_editor.execute(statement, params=None)
        for statement in triggers.install(connection, chosen):
            schema_editor.execute(statement, params=None)

    return step


class Migration(migrations.Migration):
    dependencies = [("cases", "0004_saved_views")]

    operations = [
        # Backwards, the triggers let go of the columns before these go.
        migrations.RunPython(
            migrations.RunPython.noop, guarded_by(triggers.without(("md5", "sha1")))
        ),
        migrations.AddField(
            "exhibit",
            "md5",
            models.CharField("MD5", max_length=32, null=True, db_index=True, help_text=HELP),
        ),
        migrations.AddField(
            "exhibit",
            "sha1",
            models.CharField("SHA-1", max_length=40, null=True, db_index=True, help_text=HELP),
        ),
        migrations.RunPython(guarded_by(triggers.GUARDS), migrations.RunPython.noop),
    ]
