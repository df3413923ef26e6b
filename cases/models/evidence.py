"""Exhibits, on their way in and in custody."""

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
from cases.querysets import AuditedCaseRows, CaseRows

# MD5 and SHA-1, whose collisions anybody can make; rows received before they were taken have none.
LOOKUP_ONLY = "for look-up in old hash sets only, not for integrity"


class Exhibit(AuditedModel):
    """One original recording. Its hashes, size and storage key never change (trigger)."""

    class Kind(models.TextChoices):
        AUDIO = "audio", _("Audio")
        IMAGE = "image", _("Image")
        VIDEO = "video", _("Video")

    class State(models.TextChoices):
        STORED = "stored", _("Stored")
        FROZEN = "frozen", _("Frozen: integrity check failed")
        QUARANTINED = "quarantined", _("Quarantined: malware found")
        DESTROYED = "destroyed", _("Destroyed")

    case_path: ClassVar[str] = "case"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="exhibits")
    number = models.PositiveIntegerField(editable=False)
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=5, choices=Kind.choices)
    mime_type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64, db_index=True)
    sha512 = models.CharField(max_length=128)
    # NULL, not "": never taken.
    md5 = models.CharField(  # noqa: DJ001
        "MD5", max_length=32, null=True, db_index=True, help_text=LOOKUP_ONLY
    )
    sha1 = models.CharField(  # noqa: DJ001
        "SHA-1", max_length=40, null=True, db_index=True, help_text=LOOKUP_ONLY
    )
    declared_sha256 = models.CharField(max_length=64, blank=True)
    storage_key = models.CharField(max_length=200)
    state = models.CharField(max_length=12, choices=State.choices, default=State.STORED)
    state_reason = models.TextField(blank=True)
    received_at = models.DateTimeField(default=timezone.now, editable=False)
    received_by_kind = models.CharField(max_length=10)
    received_by_id = models.CharField(max_length=100)
    received_by_label = models.CharField(max_length=200)
    custodian = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    last_verified_at = models.DateTimeField(null=True, blank=True)

    # The acquisition record, as stated by the person who handed the recording in.
    source = models.TextField(blank=True)
    collector = models.TextField(blank=True)
    authority = models.TextField(blank=True)
    acquisition_method = models.TextField(blank=True)
    acquired_at = models.DateTimeField(null=True, blank=True)
    acquired_utc_offset = models.CharField(max_length=6, blank=True)

    objects = AuditedCaseRows.as_manager()  # type: ignore[misc]

    class Meta:
        ordering = ["case", "number"]
        indexes = [models.Index(fields=["-received_at"], name="cases_exhibit_newest")]
        constraints = [
            models.UniqueConstraint(fields=["case", "number"], name="cases_exhibit_number"),
            models.CheckConstraint(condition=Q(size__gt=0), name="cases_exhibit_not_empty"),
            models.CheckConstraint(condition=Q(number__gt=0), name="cases_exhibit_number_from_1"),
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.name}"

    @property
    def label(self) -> str:
        """The exhibit's name in the field: case number, slash, exhibit number."""
        return f"{self.case.number}/{self.number}"


class CustodyEvent(AuditedModel):
    """One step in the life of an exhibit. Append-only (trigger).

    The hashes are SHA-256 of the stored bytes, measured at that step; empty: not measured there.
    """

    class Kind(models.TextChoices):
        RECEIVED = "received", _("Received")
        VIEWED = "viewed", _("Viewed")
        DOWNLOADED = "downloaded", _("Downloaded")
        VERIFIED = "verified", _("Verified")
        FROZEN = "frozen", _("Frozen")
        UNFROZEN = "unfrozen", _("Unfrozen")
        TRANSFER_OFFERED = "transfer_offered", _("Transfer offered")
        TRANSFER_ACCEPTED = "transfer_accepted", _("Transfer accepted")
        TRANSFER_DECLINED = "transfer_declined", _("Transfer declined")
        ANALYSED = "analysed", _("Analysed")
        EXPORTED = "exported", _("Exported")
        RETURNED = "returned", _("Returned")
        DESTRUCTION_REQUESTED = "destruction_requested", _("Destruction requested")
        DESTRUCTION_DECLINED = "destruction_declined", _("Destruction declined")
        DESTROYED = "destroyed", _("Destroyed")

    case_path: ClassVar[str] = "exhibit__case"

    exhibit = models.ForeignKey(Exhibit, on_delete=models.PROTECT, related_name="custody")
    kind = models.CharField(max_length=24, choices=Kind.choices)
    occurred_at = models.DateTimeField(default=timezone.now, editable=False)
    actor_kind = models.CharField(max_length=10)
    actor_id = models.CharField(max_length=100)
    actor_label = models.CharField(max_length=200)
    purpose = models.TextField(blank=True)
    authority = models.TextField(blank=True)
    result = models.TextField(blank=True)
    sha256_before = models.CharField(max_length=64, blank=True)
    sha256_after = models.CharField(max_length=64, blank=True)

    objects = AuditedCaseRows.as_manager()  # type: ignore[misc]

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.exhibit.label} {self.kind}"

    def accounted_by(self) -> str:
        return f"cases.exhibit:{self.exhibit_id}"


class Transfer(AuditedModel):
    """An offer of custody from one person to another, and the answer."""

    class Status(models.TextChoices):
        OFFERED = "offered", _("Offered")
        ACCEPTED = "accepted", _("Accepted")
        DECLINED = "declined", _("Declined")

    case_path: ClassVar[str] = "exhibit__case"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    exhibit = models.ForeignKey(Exhibit, on_delete=models.PROTECT, related_name="transfers")
    giver_label = models.CharField(max_length=200)
    receiver = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    purpose = models.TextField()
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OFFERED)
    offered_at = models.DateTimeField(default=timezone.now, editable=False)
    answered_at = models.DateTimeField(null=True, blank=True)

    objects = AuditedCaseRows.as_manager()  # type: ignore[misc]

    class Meta:
        ordering = ["-offered_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["exhibit"], condition=Q(status="offered"), name="cases_one_open_transfer"
            )
        ]

    def __str__(self) -> str:
        return f"{self.exhibit.label} to {self.receiver}"

    def accounted_by(self) -> str:
        return f"cases.exhibit:{self.exhibit_id}"


class Upload(models.Model):
    """A resumable upload (tus 1.0) on its way into a case."""

    class State(models.TextChoices):
        RECEIVING = "receiving", _("Receiving")
        FINISHED = "finished", _("Finished")
        REFUSED = "refused", _("Refused")
        TERMINATED = "terminated", _("Terminated")
        EXPIRED = "expired", _("Expired")

    case_path: ClassVar[str] = "case"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="uploads")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    filename = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField()
    offset = models.PositiveBigIntegerField(default=0)
    declared_sha256 = models.CharField(max_length=64, blank=True)
    acquisition = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RECEIVING)
    exhibit = models.OneToOneField(
        Exhibit, null=True, blank=True, on_delete=models.PROTECT, related_name="upload"
    )
    refusal_code = models.CharField(max_length=20, blank=True)
    refusal_message = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()

    objects = CaseRows.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(offset__lte=models.F("size")), name="cases_upload_offset_in_size"
            )
        ]

    def __str__(self) -> str:
        return f"{self.filename} ({self.offset}/{self.size})"
