"""Django's entry for the wiring: management commands that concern the whole platform."""

from django.apps import AppConfig


class PlatformConfig(AppConfig):
    """The platform itself; it stores nothing."""

    name = "dfd_platform"
    verbose_name = "DFD Platform"

    def ready(self) -> None:
        from dfd_platform.api import schema  # noqa: F401  (registers how API keys are described)
