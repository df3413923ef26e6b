"""Django's entry for the reports room."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """Reports and bundles."""

    name = "reports"
    verbose_name = "Reports and bundles"
    default_auto_field = "django.db.models.BigAutoField"
