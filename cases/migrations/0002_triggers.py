"""Evidence refuses to be rewritten, even by raw SQL."""

from django.db import migrations

from cases import triggers
from cases.triggers import without

# Columns that a later migration adds, and guards.
LATER = ("md5", "sha1")


def install(_apps, schema_editor):
    for statement in triggers.install(schema_editor.connection, without(LATER)):
        schema_editor.execute(statement, params=None)


def remove(_apps, schema_editor):
    for statement in triggers.remove(schema_editor.connection):
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("cases", "0001_initial")]

    operations = [migrations.RunPython(install, remove)]
