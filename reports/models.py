"""What left the house, and where its copy lies. Rows are written once (trigger)."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone

from audit.models import AuditedModel
from cases.models import Case
from cases.querysets import AuditedCaseRows
from detection.models import Analysis


class ExportKind(models.TextChoices):
    """A report on one analysis, or a bundle of a case that a stranger can verify."""

    REPORT_PDF = "report_pdf", "Report (PDF)"
    REPORT_HTML = "report_html", "Report (HTML)"
    BUNDLE = "bundle", "Evidence bundle"
    REDACTED_BUNDLE = "redacted_bundle", "Redacted evidence bundle"


class Export(AuditedModel):
    """One file that was made for people outside: what it holds, its hash, who made it."""

    case_path: ClassVar[str] = "case"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=16, choices=ExportKind.choices)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="exports")
    analysis = models.ForeignKey(
        Analysis, on_delete=models.PROTECT, null=True, blank=True, related_name="exports"
    )
    filename = models.CharField(max_length=100)
    mime_type = models.CharField(max_length=100)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    storage_key = models.CharField(max_length=255)
    selection = models.TextField(help_text="what was chosen, word for word as in the export")
    purpose = models.TextField(blank=True)
    created_by_kind = models.CharField(max_length=10)
    created_by_id = models.CharField(max_length=100)
    created_by_label = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AuditedCaseRows.as_manager()  # type: ignore[misc]

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.filename
