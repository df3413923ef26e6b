"""What the examination room stores: analyses, findings, derived files, reviews, weight sets.

A finding, an artefact, a review, a weight set and a decision about one are written once: the
triggers of migration 0002 refuse UPDATE and DELETE. An analysis changes only until it is finished.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from audit.models import AuditedModel
from cases.models import Case, Exhibit
from cases.querysets import AuditedCaseRows
from detection.querysets import AnalysisRows, AuditedOutcomeRows, OutcomeRows


class AnalysisStatus(models.TextChoices):
    """Life of an analysis; the last three are final."""

    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    COMPLETE = "complete", _("Complete")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


OPEN_STATUSES = (AnalysisStatus.QUEUED, AnalysisStatus.RUNNING)
FINAL_STATUSES = (AnalysisStatus.COMPLETE, AnalysisStatus.FAILED, AnalysisStatus.CANCELLED)


class Stage(models.TextChoices):
    """What the worker is doing, in the words shown to the examiner."""

    QUEUED = gettext_noop("Queued")
    EXTRACTING = gettext_noop("Extracting frames")
    RUNNING = gettext_noop("Running models")
    CLASSIFYING = gettext_noop("Final classification")
    COMPLETE = gettext_noop("Complete")


class Analysis(AuditedModel):
    """One run of one profile over one exhibit. Never overwritten: a repeat is a new row."""

    case_path: ClassVar[str] = "exhibit__case"
    unaudited_fields: ClassVar[frozenset[str]] = frozenset(
        {"stage", "percent", "heartbeat_at", "updated_at"}
    )

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    exhibit = models.ForeignKey(Exhibit, on_delete=models.PROTECT, related_name="analyses")
    profile = models.CharField(max_length=64)
    parameters = models.JSONField(default=dict, blank=True)
    rerun_of = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="reruns"
    )
    submitted_by_kind = models.CharField(max_length=16)
    submitted_by_id = models.CharField(max_length=64)
    submitted_by_label = models.CharField(max_length=200)
    request_id = models.CharField(
        max_length=64, blank=True, help_text="of the request that submitted it, for the logs"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    status = models.CharField(
        max_length=16, choices=AnalysisStatus.choices, default=AnalysisStatus.QUEUED
    )
    stage = models.CharField(max_length=32, choices=Stage.choices, default=Stage.QUEUED)
    percent = models.PositiveSmallIntegerField(default=0)
    attempt = models.PositiveSmallIntegerField(default=0)
    lost_workers = models.PositiveSmallIntegerField(
        default=0, help_text="attempts that ended because their worker died"
    )
    worker = models.CharField(max_length=120, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    evidence_sha256 = models.CharField(
        max_length=64, blank=True, help_text="measured on the stored file just before the run"
    )
    environment = models.JSONField(
        default=dict, blank=True, help_text="code, packages and hardware of the worker"
    )
    log = models.JSONField(default=list, blank=True, help_text="[time, words] of each step")
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.TextField(blank=True)

    objects: ClassVar = AnalysisRows.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "analyses"
        indexes = [
            models.Index(fields=["status", "heartbeat_at"]),
            models.Index(fields=["-created_at"], name="analysis_newest"),
            models.Index(fields=["finished_at"], name="analysis_finished"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(percent__lte=100), name="analysis_percent_is_a_percentage"
            ),
            models.CheckConstraint(
                condition=Q(status__in=FINAL_STATUSES, finished_at__isnull=False)
                | Q(status__in=OPEN_STATUSES, finished_at__isnull=True),
                name="analysis_finished_at_goes_with_a_final_status",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.exhibit.label} {self.profile} {self.status}"

    @property
    def is_finished(self) -> bool:
        """True when the analysis will not change any more."""
        return self.status in FINAL_STATUSES


class Finding(models.Model):
    """What the machine found in one complete analysis; written once."""

    case_path: ClassVar[str] = "analysis__exhibit__case"

    analysis = models.OneToOneField(Analysis, on_delete=models.PROTECT, related_name="finding")
    verdict = models.CharField(max_length=16)
    probability = models.FloatField(null=True, blank=True)
    log10_lr = models.FloatField(null=True, blank=True)
    casework_approved = models.BooleanField(
        help_text="every weight set that scored was approved for casework when the run ended"
    )
    result = models.JSONField(help_text="ml.result.AnalysisResult.to_dict()")
    result_sha256 = models.CharField(max_length=64, help_text="SHA-256 of the result's JSON text")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OutcomeRows.as_manager()

    class Meta:
        indexes = [models.Index(fields=["-created_at"], name="finding_newest")]

    def __str__(self) -> str:
        return f"{self.analysis.exhibit.label} {self.verdict}"


class Artefact(models.Model):
    """A derived file (face, heat map, spectrogram) with its parent, producer and own hash."""

    case_path: ClassVar[str] = "analysis__exhibit__case"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    analysis = models.ForeignKey(Analysis, on_delete=models.PROTECT, related_name="artefacts")
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=32)
    mime_type = models.CharField(max_length=100)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    storage_key = models.CharField(max_length=255)
    parent_sha256 = models.CharField(max_length=64)
    producer = models.CharField(max_length=200)
    t = models.FloatField(null=True, blank=True, help_text="seconds into the recording")
    track = models.IntegerField(null=True, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    caption = models.TextField(blank=True)

    objects = OutcomeRows.as_manager()

    class Meta:
        ordering = ["analysis", "t", "track", "name"]
        constraints = [
            models.UniqueConstraint(fields=["analysis", "name"], name="artefact_name_once_per_run")
        ]

    def __str__(self) -> str:
        return self.name


class ReviewRequest(AuditedModel):
    """A person is asked to examine an analysis; a blind one hides the outcome until they opine."""

    case_path: ClassVar[str] = "analysis__exhibit__case"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    analysis = models.ForeignKey(Analysis, on_delete=models.PROTECT, related_name="review_requests")
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="review_requests"
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    blind = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar = AuditedCaseRows.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"review of {self.analysis_id} by {self.reviewer}"


class ReviewKind(models.TextChoices):
    """An opinion is the examiner's own; the other two answer somebody else's opinion."""

    OPINION = "opinion", _("Opinion")
    SIGN_OFF = "sign_off", _("Sign-off")
    DISSENT = "dissent", _("Dissent")


class Review(AuditedModel):
    """One person's signed word on an analysis, beside the machine's finding; written once."""

    case_path: ClassVar[str] = "analysis__exhibit__case"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    analysis = models.ForeignKey(Analysis, on_delete=models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reviews"
    )
    kind = models.CharField(max_length=16, choices=ReviewKind.choices)
    text = models.TextField()
    agrees = models.BooleanField(
        null=True, help_text="agrees with the machine's finding; empty when the person does not say"
    )
    blind = models.BooleanField(
        default=False, help_text="written before the reviewer could see any outcome"
    )
    request = models.ForeignKey(
        ReviewRequest, on_delete=models.PROTECT, null=True, blank=True, related_name="answers"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar = AuditedOutcomeRows.as_manager()

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} by {self.reviewer}"


class ModelVersion(AuditedModel):
    """One weight file as it was registered; a new file or a changed description is a new row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    sha256 = models.CharField(max_length=64, help_text="of the weight file")
    description_sha256 = models.CharField(
        max_length=64, unique=True, help_text="of the whole registry entry"
    )
    architecture = models.TextField()
    licence = models.TextField()
    entry = models.JSONField(help_text="the registry entry: preprocessing, training data, domain")
    registered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "-registered_at"]
        verbose_name = "weight set"

    def __str__(self) -> str:
        return f"{self.name} {self.sha256[:12]}"


class ModelDecisionKind(models.TextChoices):
    """Steps of letting a weight set into casework; approval needs another person's proposal."""

    PROPOSED = "proposed", _("Proposed for casework")
    APPROVED = "approved", _("Approved for casework")
    WITHDRAWN = "withdrawn", _("Withdrawn from casework")


class ModelDecision(AuditedModel):
    """One person's decision about a weight set; written once, the latest one holds."""

    model = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="decisions")
    kind = models.CharField(max_length=16, choices=ModelDecisionKind.choices)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    statement = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]
        verbose_name = "decision about casework"
        verbose_name_plural = "decisions about casework"

    def __str__(self) -> str:
        return f"{self.model}: {self.get_kind_display()}"


class NotificationKind(models.TextChoices):
    """Why somebody is told."""

    FINISHED = "finished", _("Analysis finished")
    FAILED = "failed", _("Analysis failed")
    REVIEW_ASKED = "review_asked", _("Review asked")
    REVIEWED = "reviewed", _("Reviewed")
    ALERT = "alert", _("Alert")


class Notification(models.Model):
    """One line for one person; a convenience, not a record (the ledger is)."""

    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications"
    )
    kind = models.CharField(max_length=16, choices=NotificationKind.choices)
    analysis = models.ForeignKey(
        Analysis, on_delete=models.PROTECT, null=True, blank=True, related_name="notifications"
    )
    case = models.ForeignKey(
        Case, on_delete=models.PROTECT, null=True, blank=True, related_name="notifications"
    )
    text = models.CharField(max_length=300)
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["recipient", "read_at"]),
            models.Index(fields=["recipient", "-created_at"], name="notification_newest"),
        ]

    def __str__(self) -> str:
        return self.text
