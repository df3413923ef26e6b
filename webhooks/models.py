"""Endpoints, what is to be told, to whom, and every attempt to tell it."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey
from audit.models import AuditedModel
from cases.models import Case

URL_LENGTH = 500


class Endpoint(AuditedModel):
    """An address that wants to be told. Its secret is derived (``signing``), not stored."""

    unaudited_fields: ClassVar[frozenset[str]] = frozenset({"failing_since", "last_delivered_at"})
    # Goes with its owner's account or key, without a word of the ledger about the row itself.
    witnessed: ClassVar[bool] = False

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhooks"
    )
    api_key = models.ForeignKey(
        ApiKey,
        on_delete=models.CASCADE,
        null=True,
        related_name="webhooks",
        help_text="The key that made it: it is told no more than that key may read.",
    )
    case = models.ForeignKey(
        Case, on_delete=models.PROTECT, null=True, blank=True, related_name="webhooks"
    )
    url = models.CharField(max_length=URL_LENGTH)
    events = models.JSONField(default=list)
    pepper_version = models.PositiveIntegerField(editable=False)
    generation = models.PositiveIntegerField(default=1, editable=False)
    rotated_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    disabled_at = models.DateTimeField(null=True, editable=False)
    disabled_reason = models.CharField(max_length=200, blank=True, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    last_delivered_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.url} of {self.owner}"


class Event(models.Model):
    """Something to tell. ``told``: the ids and hashes that go along; no words of people."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    type = models.CharField(max_length=40)
    case_id = models.UUIDField(null=True)
    subject = models.CharField(max_length=200)
    told = models.JSONField(default=dict)
    ledger_hash = models.CharField(max_length=64, blank=True)
    occurred_at = models.DateTimeField()
    spread_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["occurred_at"], condition=Q(spread_at=None), name="webhooks_to_spread"
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.subject}"


class DeliveryState(models.TextChoices):
    """Life of a delivery; the last two are final until somebody sends it again."""

    PENDING = "pending", _("Waiting")
    DELIVERED = "delivered", _("Delivered")
    FAILED = "failed", _("Given up")


class Delivery(models.Model):
    """One event for one endpoint. ``due_at``: not before; while sent it lies in the future."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="deliveries")
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries")
    state = models.CharField(
        max_length=10, choices=DeliveryState.choices, default=DeliveryState.PENDING
    )
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event"], name="webhooks_told_once")
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="pending"), name="webhooks_due")
        ]

    def __str__(self) -> str:
        return f"{self.event} for {self.endpoint_id}"


class Attempt(models.Model):
    """One request that was sent, or could not be: status, duration and the answer's beginning."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="log")
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    status = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=300, blank=True)
    answer = models.TextField(blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.status or self.error}"
