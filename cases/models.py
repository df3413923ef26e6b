"""What the cases room stores. Rows are written by ``cases.services`` only."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from audit.models import AuditedModel
from cases.permissions import CaseRole
from cases.querysets import AuditedCaseRows, CaseRows


class CaseYear(models.Model):
    """The last case number given out in a year; its row is locked while one is taken."""

    year = models.PositiveIntegerField(primary_key=True)
    last_number = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.year}-{self.last_number:04d}"


class Case(AuditedModel):
    """One matter under examination. Members and their roles decide who sees it."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        CLOSED = "closed", "Closed"

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


class Exhibit(AuditedModel):
    """One original recording. Its hashes, size and storage key never change (trigger)."""

    class Kind(models.TextChoices):
        AUDIO = "audio", "Audio"
        IMAGE = "image", "Image"
        VIDEO = "video", "Video"

    class State(models.TextChoices):
        STORED = "stored", "Stored"
        FROZEN = "frozen", "Frozen: integrity check failed"
        QUARANTINED = "quarantined", "Quarantined: malware found"
        DESTROYED = "destroyed", "Destroyed"

    case_path: ClassVar[str] = "case"
    unaudited_fields: ClassVar[frozenset[str]] = frozenset({"last_verified_at"})

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="exhibits")
    number = models.PositiveIntegerField(editable=False)
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=5, choices=Kind.choices)
    mime_type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64, db_index=True)
    sha512 = models.CharField(max_length=128)
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


class CustodyEvent(models.Model):
    """One step in the life of an exhibit. Append-only (trigger).

    The hashes are SHA-256 of the stored bytes, measured at that step; empty: not measured there.
    """

    class Kind(models.TextChoices):
        RECEIVED = "received", "Received"
        VIEWED = "viewed", "Viewed"
        DOWNLOADED = "downloaded", "Downloaded"
        VERIFIED = "verified", "Verified"
        FROZEN = "frozen", "Frozen"
        UNFROZEN = "unfrozen", "Unfrozen"
        TRANSFER_OFFERED = "transfer_offered", "Transfer offered"
        TRANSFER_ACCEPTED = "transfer_accepted", "Transfer accepted"
        TRANSFER_DECLINED = "transfer_declined", "Transfer declined"
        ANALYSED = "analysed", "Analysed"
        EXPORTED = "exported", "Exported"
        RETURNED = "returned", "Returned"
        DESTRUCTION_REQUESTED = "destruction_requested", "Destruction requested"
        DESTRUCTION_DECLINED = "destruction_declined", "Destruction declined"
        DESTROYED = "destroyed", "Destroyed"

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

    objects = CaseRows.as_manager()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.exhibit.label} {self.kind}"


class Transfer(models.Model):
    """An offer of custody from one person to another, and the answer."""

    class Status(models.TextChoices):
        OFFERED = "offered", "Offered"
        ACCEPTED = "accepted", "Accepted"
        DECLINED = "declined", "Declined"

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

    objects = CaseRows.as_manager()

    class Meta:
        ordering = ["-offered_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["exhibit"], condition=Q(status="offered"), name="cases_one_open_transfer"
            )
        ]

    def __str__(self) -> str:
        return f"{self.exhibit.label} to {self.receiver}"


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


class DestructionRequest(models.Model):
    """A request to destroy an exhibit's bytes; a second person approves or declines it."""

    class Status(models.TextChoices):
        REQUESTED = "requested", "Requested"
        DECLINED = "declined", "Declined"
        CARRIED_OUT = "carried_out", "Carried out"

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

    objects = CaseRows.as_manager()

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


class DestructionCertificate(models.Model):
    """What remains of a destroyed exhibit, as canonical JSON. Append-only (trigger)."""

    case_path: ClassVar[str] = "request__exhibit__case"

    request = models.OneToOneField(
        DestructionRequest, on_delete=models.PROTECT, related_name="certificate"
    )
    document = models.TextField()
    sha256 = models.CharField(max_length=64)
    issued_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = CaseRows.as_manager()

    def __str__(self) -> str:
        return f"Certificate of destruction of {self.request.exhibit.label}"


class Upload(models.Model):
    """A resumable upload (tus 1.0) on its way into a case."""

    class State(models.TextChoices):
        RECEIVING = "receiving", "Receiving"
        FINISHED = "finished", "Finished"
        REFUSED = "refused", "Refused"
        TERMINATED = "terminated", "Terminated"
        EXPIRED = "expired", "Expired"

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
