"""What left the house, and where its copy lies. Rows are written once (trigger)."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audit.models import AuditedModel
from cases.models import Case
from cases.querysets import AuditedCaseRows, CaseRows
from detection.models import Analysis


class ExportKind(models.TextChoices):
    """A report on one analysis, or a bundle of a case that a stranger can verify."""

    REPORT_PDF = "report_pdf", _("Report (PDF)")
    REPORT_HTML = "report_html", _("Report (HTML)")
    BUNDLE = "bundle", _("Evidence bundle")
    REDACTED_BUNDLE = "redacted_bundle", _("Redacted evidence bundle")


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
    # Members of a bundle that are not in the stored file: they are read from the evidence store
    # at each download, so no second copy is kept and a destroyed recording leaves no copy here.
    originals = models.JSONField(default=list, blank=True)
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


class RequestStatus(models.TextChoices):
    """Where an export stands."""

    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")


class ExportRequest(models.Model):
    """The order for one export: what was asked, how far it is, and what came of it.

    Its id becomes the export's. The ledger has an entry for the order and for its end; progress
    has no evidential weight.
    """

    case_path: ClassVar[str] = "case"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=16, choices=ExportKind.choices)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="export_requests")
    analysis = models.ForeignKey(
        Analysis, on_delete=models.PROTECT, null=True, blank=True, related_name="export_requests"
    )
    # Ids of chosen exhibits; null: all of the case.
    exhibits = models.JSONField(null=True, blank=True)
    redactions = models.JSONField(default=list, blank=True)
    purpose = models.TextField(blank=True)
    requested_by_kind = models.CharField(max_length=10)
    requested_by_id = models.CharField(max_length=100)
    requested_by_label = models.CharField(max_length=200)
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    status = models.CharField(
        max_length=8, choices=RequestStatus.choices, default=RequestStatus.QUEUED
    )
    percent = models.PositiveSmallIntegerField(default=0)
    attempt = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True)
    export = models.OneToOneField(
        Export, on_delete=models.PROTECT, null=True, blank=True, related_name="request"
    )

    objects = CaseRows.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["status", "created_at"], name="reports_request_status")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.case.number}: {self.status}"

    @property
    def is_finished(self) -> bool:
        return self.status in (RequestStatus.READY, RequestStatus.FAILED)
