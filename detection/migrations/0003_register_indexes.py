"""Indexes for the newest of 100,000 analyses and findings."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("detection", "0002_triggers")]

    operations = [
        migrations.AddIndex(
            "analysis", models.Index(fields=["-created_at"], name="analysis_newest")
        ),
        migrations.AddIndex(
            "analysis", models.Index(fields=["finished_at"], name="analysis_finished")
        ),
        migrations.AddIndex("finding", models.Index(fields=["-created_at"], name="finding_newest")),
        migrations.AddIndex(
            "notification",
            models.Index(fields=["recipient", "-created_at"], name="notification_newest"),
        ),
    ]
