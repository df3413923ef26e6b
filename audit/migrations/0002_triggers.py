"""The ledger refuses to be rewritten, even by raw SQL."""

from django.db import migrations

from audit import triggers


def install(_apps, schema_editor):
    for statement in triggers.install(schema_editor.connection):
        schema_editor.execute(statement, params=None)


def remove(_apps, schema_editor):
    for statement in triggers.remove(schema_editor.connection):
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [migrations.RunPython(install, remove)]
