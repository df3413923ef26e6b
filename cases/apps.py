"""Django's entry for the cases room."""

from django.apps import AppConfig


class CasesConfig(AppConfig):
    """Cases, evidence and custody."""

    name = "cases"
    verbose_name = "Cases and evidence"
    default_auto_field = "django.db.models.BigAutoField"
