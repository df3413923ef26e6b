"""Notes, holds and destruction."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audit.models import AuditedModel
from cases.models.case import Case
from cases.models.evidence import Exhibit
from cases.querysets import AuditedCaseRows


class Note(AuditedModel):
    """Markdown text on a case or one of its exhibits. Append-only (trigger)."""

    case_path: ClassVar[str] = "case"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="notes")
    exhibit = models.ForeignKey(
        Exhibit, null=True, blank=True, on_delete=models.PROTECT, related_name="notes"
    )
    corrects = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="corrections"
    )
    text = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    author_kind = models.CharField(max_length=10)
    author_id = models.CharField(max_length=100)
    author_label = models.CharField(max_length=200)

    objects = AuditedCaseRows.as_manager()  # type: ignore[misc]

    class Meta:
        ordering = ["created_at"]
        indexes = [models.Index(fields=["created_at"], name="cases_note_time")]

    def __str__(self) -> str:
        return f"Note of {self.author_label} on {self.case.number}"


class LegalHold(AuditedModel):
    """One matter that forbids destruction. An exhibit is free when every hold on it is released."""

    case_path: ClassVar[str] = "case"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="holds")
    exhibit = models.ForeignKey(
        Exhibit,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="holds",
        help_text="Empty: the whole case is held.",
    )
    matter = models.CharField(max_length=200)
    reason = models.TextField()
    placed_at = models.DateTimeField(default=timezone.now, editable=False)
    placed_by_label = models.CharField(max_length=200)
    released_at = models.DateTimeField(null=True, blank=True)
    released_by_label = models.CharField(max_length=200, blank=True)
    release_reason = models.TextField(blank=True)

    objects = AuditedCaseRows.as_manager()  # type: ignore[misc]

    class Meta:
        ordering = ["placed_at"]

    def __str__(self) -> str:
        return f"{self.matter} on {self.case.number}"


class DestructionRequest(AuditedModel):
    """A request to destroy an exhibit's bytes; a second person approves or declines it."""

    class Status(models.TextChoices):
        REQUESTED = "requested", _("Requested")
        DECLINED = "declined", _("Declined")
        CARRIED_OUT = "carried_out", _("Carried out")

    case_path: ClassVar[str] = "exhibit__case"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    exhibit = models.ForeignKey(
        Exhibit, on_delete=models.PROTECT, related_name="destruction_requests"
    )
    reason = models.TextField()
    authority = models.TextField()
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.REQUESTED)
    requested_at = models.DateTimeField(default=timezone.now, editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = AuditedCaseRows.as_manager()  # type: ignore[misc]

    class Meta:
        ordering = ["-requested_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["exhibit"],
                condition=Q(status="requested"),
                name="cases_one_open_destruction",
            ),
            models.CheckConstraint(
                condition=Q(answered_by__isnull=True)
                | ~Q(status="carried_out")
                | ~Q(answered_by=models.F("requested_by")),
                name="cases_destruction_two_people",
            ),
        ]

    def __str__(self) -> str:
        return f"Destruction of {self.exhibit.label}: {self.status}"

    def accounted_by(self) -> str:
        return f"cases.exhibit:{self.exhibit_id}"


class DestructionCertificate(AuditedModel):
    """What remains of a destroyed exhibit, as canonical JSON. Append-only (trigger)."""

    case_path: ClassVar[str] = "request__exhibit__case"

    request = models.OneToOneField(
        DestructionRequest, on_delete=models.PROTECT, related_name="certificate"
    )
    document = models.TextField()
    sha256 = models.CharField(max_length=64)
    issued_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AuditedCaseRows.as_manager()  # type: ignore[misc]

    def __str__(self) -> str:
        return f"Certificate of destruction of {self.request.exhibit.label}"

    def accounted_by(self) -> str:
        return f"cases.exhibit:{self.request.exhibit_id}"
