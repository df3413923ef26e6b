"""Django's entry for the reports room."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """Reports and bundles."""

    name = "reports"
    verbose_name = "Reports and bundles"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers."""
        from reports import receivers  # noqa: F401
