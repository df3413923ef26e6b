"""Django app of the ledger."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = "Ledger"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from audit import admin_log, receivers  # noqa: F401  (they connect themselves)
