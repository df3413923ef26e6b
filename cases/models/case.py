"""Cases, who works in them, and how people look at them."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audit.models import AuditedModel
from cases.permissions import CaseRole
from cases.querysets import AuditedCaseRows


class CaseYear(models.Model):
    """The last case number given out in a year; its row is locked while one is taken."""

    year = models.PositiveIntegerField(primary_key=True)
    last_number = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.year}-{self.last_number:04d}"


class Case(AuditedModel):
    """One matter under examination. Members and their roles decide who sees it."""

    class Status(models.TextChoices):
        OPEN = "open", _("Open")
        CLOSED = "closed", _("Closed")

    case_path: ClassVar[str] = ""
    # A counter of no evidential weight: each exhibit's own entry states its number.
    unaudited_fields: ClassVar[frozenset[str]] = frozenset({"last_exhibit_number"})

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(max_length=20, unique=True, editable=False)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_by_label = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True)
    last_exhibit_number = models.PositiveIntegerField(default=0, editable=False)

    objects = AuditedCaseRows.as_manager()  # type: ignore[misc]

    class Meta:
        ordering = ["-created_at", "-number"]
        indexes = [
            models.Index(fields=["-created_at", "-number"], name="cases_case_newest"),
            models.Index(fields=["title", "number"], name="cases_case_title"),
        ]

    def __str__(self) -> str:
        # The title is case content; this text shows in places that list cases from the outside.
        return self.number

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.OPEN


class CaseMembership(AuditedModel):
    """One person's role in one case."""

    case_path: ClassVar[str] = "case"

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="case_memberships"
    )
    role = models.CharField(max_length=10, choices=CaseRole.choices)
    added_at = models.DateTimeField(default=timezone.now, editable=False)
    added_by_label = models.CharField(max_length=200)

    objects = AuditedCaseRows.as_manager()  # type: ignore[misc]

    class Meta:
        ordering = ["added_at"]
        constraints = [
            models.UniqueConstraint(fields=["case", "user"], name="cases_one_role_per_member")
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.role} of {self.case.number}"

    def accounted_by(self) -> str:
        return f"cases.case:{self.case_id}"  # the entry of a new case accounts for its first member


class BreakGlass(AuditedModel):
    """An administrator's emergency access to one case, with its reason and its end."""

    case_path: ClassVar[str] = "case"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="break_glass")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    opened_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()

    objects = AuditedCaseRows.as_manager()  # type: ignore[misc]

    class Meta:
        ordering = ["-opened_at"]
        verbose_name_plural = "break-glass accesses"

    def __str__(self) -> str:
        return f"{self.user} in {self.case.number} until {self.expires_at:%Y-%m-%d %H:%M}"


class SavedView(models.Model):
    """A person's own name for a filter of the case table."""

    NAME_LENGTH: ClassVar[int] = 60
    QUERY_LENGTH: ClassVar[int] = 500

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views"
    )
    name = models.CharField(max_length=NAME_LENGTH)
    query = models.CharField(max_length=QUERY_LENGTH, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="cases_saved_view_name_once")
        ]

    def __str__(self) -> str:
        return self.name
