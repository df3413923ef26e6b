"""Django's entry for the reports room."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """Reports and bundles."""

    name = "reports"
    verbose_name = "Reports and bundles"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers and say what the ledger must agree with."""
        from audit.witnesses import call_witness
        from reports import receivers  # noqa: F401
        from reports.attestation import disagreements

        call_witness("reports", disagreements)
