"""The record of an export is written once, even for raw SQL."""

from django.db import migrations

from cases import triggers
from reports.triggers import GUARDS


def install(_apps, schema_editor):
    for statement in triggers.install(schema_editor.connection, GUARDS):
        schema_editor.execute(statement, params=None)


def remove(_apps, schema_editor):
    for statement in triggers.remove(schema_editor.connection, GUARDS):
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("reports", "0001_initial"), ("cases", "0002_triggers")]

    operations = [migrations.RunPython(install, remove)]
