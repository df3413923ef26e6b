"""Django application of the examination room."""

from django.apps import AppConfig


class DetectionConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "detection"
    verbose_name = "Detection"

    def ready(self) -> None:
        """Connect the receivers, say how analyses are counted and what the ledger attests."""
        from accounts.quotas import Measure, count_with
        from audit.witnesses import call_witness
        from cases.derived import find_with
        from detection import receivers  # noqa: F401
        from detection.attestation import disagreements
        from detection.derived import derived_from
        from detection.usage import analyses_submitted

        count_with(Measure.ANALYSES, analyses_submitted)
        call_witness("detection", disagreements)
        find_with("detection", derived_from)
