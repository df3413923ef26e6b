"""Exports made before orders existed get theirs, so that every list shows them."""

from django.db import migrations


def give_orders(apps, _schema_editor):
    export_model = apps.get_model("reports", "Export")
    request_model = apps.get_model("reports", "ExportRequest")
    for export in export_model.objects.filter(request=None):
        request_model.objects.create(
            id=export.pk,
            kind=export.kind,
            case_id=export.case_id,
            analysis_id=export.analysis_id,
            purpose=export.purpose,
            requested_by_kind=export.created_by_kind,
            requested_by_id=export.created_by_id,
            requested_by_label=export.created_by_label,
            created_at=export.created_at,
            status="ready",
            percent=100,
            attempt=1,
            started_at=export.created_at,
            finished_at=export.created_at,
            export=export,
        )


class Migration(migrations.Migration):
    dependencies = [("reports", "0003_export_requests")]

    operations = [migrations.RunPython(give_orders, migrations.RunPython.noop)]
