"""Django's entry for the web hooks."""

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """Endpoints, events and deliveries."""

    name = "webhooks"
    verbose_name = "Web hooks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers."""
        from webhooks import receivers  # noqa: F401
