"""Django's entry for the shared parts of the API."""

from django.apps import AppConfig


class RestConfig(AppConfig):
    """Shared parts of the API; stores the answers to idempotent requests."""

    name = "rest"
    verbose_name = "API"
    default_auto_field = "django.db.models.BigAutoField"
