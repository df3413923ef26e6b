"""Exports are ordered and made in a job; a bundle refers to its originals instead of copying them.

SQLite remakes the table of exports for its new column, so its triggers are put up again.
"""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from cases import triggers
from reports.triggers import GUARDS, ORDER_GUARDS


def _run(schema_editor, statements):
    for statement in statements:
        schema_editor.execute(statement, params=None)


def take_down(_apps, schema_editor):
    _run(schema_editor, triggers.remove(schema_editor.connection, GUARDS))


def put_up(_apps, schema_editor):
    _run(schema_editor, triggers.install(schema_editor.connection, GUARDS))


def guard_orders(_apps, schema_editor):
    _run(schema_editor, triggers.install(schema_editor.connection, ORDER_GUARDS))


def leave_orders(_apps, schema_editor):
    _run(schema_editor, triggers.remove(schema_editor.connection, ORDER_GUARDS))


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0002_triggers"),
        ("detection", "0002_triggers"),
        ("reports", "0002_triggers"),
    ]

    operations = [
        migrations.RunPython(take_down, put_up),
        migrations.AddField(
            model_name="export",
            name="originals",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.CreateModel(
            name="ExportRequest",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("report_pdf", "Report (PDF)"),
                            ("report_html", "Report (HTML)"),
                            ("bundle", "Evidence bundle"),
                            ("redacted_bundle", "Redacted evidence bundle"),
                        ],
                        max_length=16,
                    ),
                ),
                ("exhibits", models.JSONField(blank=True, null=True)),
                ("redactions", models.JSONField(blank=True, default=list)),
                ("purpose", models.TextField(blank=True)),
                ("requested_by_kind", models.CharField(max_length=10)),
                ("requested_by_id", models.CharField(max_length=100)),
                ("requested_by_label", models.CharField(max_length=200)),
                ("request_id", models.CharField(blank=True, max_length=64)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("ready", "Ready"),
                            ("failed", "Failed"),
                        ],
                        default="queued",
                        max_length=8,
                    ),
                ),
                ("percent", models.PositiveSmallIntegerField(default=0)),
                ("attempt", models.PositiveIntegerField(default=0)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("heartbeat_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("error_code", models.CharField(blank=True, max_length=40)),
                ("error_message", models.TextField(blank=True)),
                (
                    "analysis",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="export_requests",
                        to="detection.analysis",
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="export_requests",
                        to="cases.case",
                    ),
                ),
                (
                    "export",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="request",
                        to="reports.export",
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at"],
                "indexes": [
                    models.Index(fields=["status", "created_at"], name="reports_request_status")
                ],
            },
        ),
        migrations.RunPython(put_up, take_down),
        migrations.RunPython(guard_orders, leave_orders),
    ]
