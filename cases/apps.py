"""Django's entry for the cases room."""

from django.apps import AppConfig


class CasesConfig(AppConfig):
    """Cases, evidence and custody."""

    name = "cases"
    verbose_name = "Cases and evidence"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Say how bytes are counted."""
        from accounts.quotas import Measure, count_with
        from cases.usage import bytes_received

        count_with(Measure.BYTES, bytes_received)
