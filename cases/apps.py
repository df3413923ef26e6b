"""Django's entry for the cases room."""

from django.apps import AppConfig


class CasesConfig(AppConfig):
    """Cases, evidence and custody."""

    name = "cases"
    verbose_name = "Cases and evidence"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Say how bytes are counted and what the ledger must agree with."""
        from accounts.quotas import Measure, count_with
        from audit.witnesses import call_witness
        from cases.attestation import disagreements
        from cases.usage import bytes_received

        count_with(Measure.BYTES, bytes_received)
        call_witness("cases", disagreements)
