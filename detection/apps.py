"""Django application of the examination room."""

from django.apps import AppConfig


class DetectionConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "detection"
    verbose_name = "Detection"

    def ready(self) -> None:
        """Connect the receivers."""
        from detection import receivers  # noqa: F401
