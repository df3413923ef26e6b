"""Users and API keys."""

from __future__ import annotations

import uuid
import zoneinfo

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class SiteRole(models.TextChoices):
    """A role on the whole site; rights inside a case come from the case's members."""

    NONE = "", "none"
    ADMINISTRATOR = "administrator", _("administrator")
    AUDITOR = "auditor", _("auditor")


def validate_timezone(name: str) -> None:
    """ValidationError unless ``name`` is a zone of the IANA database."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"{name} is no time zone; write one like Europe/Berlin.")


class User(AbstractUser):
    """A person who signs in. Administrators see no case content, auditors read everything."""

    site_role = models.CharField(
        max_length=20, choices=SiteRole.choices, default=SiteRole.NONE, blank=True
    )
    timezone = models.CharField(max_length=64, default="UTC", validators=[validate_timezone])

    qualifications = models.TextField(
        blank=True, help_text="Training and date of the last proficiency test; printed on reports."
    )

    quota_bytes = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Bytes of evidence a day; empty: the site's default."
    )
    quota_analyses = models.PositiveIntegerField(
        null=True, blank=True, help_text="Analyses a day; empty: the site's default."
    )

    @property
    def is_administrator(self) -> bool:
        return self.site_role == SiteRole.ADMINISTRATOR

    @property
    def is_auditor(self) -> bool:
        return self.site_role == SiteRole.AUDITOR


class ApiKey(models.Model):
    """An API key as stored: the public part and a peppered digest, never the secret."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key_id = models.CharField(max_length=16, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    pepper_version = models.PositiveIntegerField(editable=False)
    name = models.CharField(max_length=100)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys"
    )
    scopes = models.JSONField(default=list)
    allowed_networks = models.JSONField(default=list, blank=True)
    case_id = models.UUIDField(null=True, blank=True)
    quota_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    quota_analyses = models.PositiveIntegerField(null=True, blank=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(pepper_version__gte=1), name="api_key_pepper_version_positive"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.key_id})"

    @property
    def is_active(self) -> bool:
        """Neither revoked nor expired now."""
        return self.revoked_at is None and self.expires_at > timezone.now()


class KeptAnswer(models.Model):
    """The answer to one POST with an ``Idempotency-Key``, so that a repeat is answered again
    instead of done again; ``status`` is null while the first request runs."""

    caller = models.CharField(max_length=100)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path and body")
    status = models.PositiveSmallIntegerField(null=True)
    body = models.TextField(blank=True)
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["caller", "key"], name="accounts_one_answer_per_idempotency_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.key} of {self.caller}"
