"""The ledger's tables, and the base class of models whose changes must be in it.

``AuditEvent`` and ``Checkpoint`` are append-only: database triggers refuse UPDATE, DELETE and
TRUNCATE (migration ``0002_triggers``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, ClassVar

from django.db import models

from audit.watch import note_change, require_watch

GLOBAL_CHAIN = "global"
GENESIS = "0" * 64


class AuditEvent(models.Model):
    """One entry of one chain. ``hash`` covers every other field through canonical JSON."""

    chain = models.CharField(max_length=64)
    seq = models.PositiveBigIntegerField()
    occurred_at = models.DateTimeField()
    actor_kind = models.CharField(max_length=10)
    actor_id = models.CharField(max_length=100)
    actor_label = models.CharField(max_length=200)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=200)
    case_id = models.UUIDField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    ip = models.CharField(max_length=45, blank=True)
    payload_text = models.TextField()
    prev_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["id"]
        verbose_name = "ledger entry"
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(fields=["chain", "seq"], name="audit_chain_seq"),
            models.UniqueConstraint(fields=["chain", "prev_hash"], name="audit_chain_prev_hash"),
        ]
        indexes = [
            models.Index(fields=["case_id", "occurred_at"], name="audit_case_time"),
            models.Index(fields=["action", "occurred_at"], name="audit_action_time"),
            models.Index(fields=["subject"], name="audit_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.chain}/{self.seq} {self.action}"

    @property
    def payload(self) -> dict[str, Any]:
        """The payload as JSON types; the stored text is its canonical form."""
        parsed: dict[str, Any] = json.loads(self.payload_text)
        return parsed


class ChainHead(models.Model):
    """The locked end of a chain: its length, last hash, Merkle tree frontier and signed seal."""

    chain = models.CharField(max_length=64, primary_key=True)
    seq = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, default=GENESIS)
    frontier = models.TextField(default="", blank=True)
    seal = models.TextField(default="", blank=True)

    def __str__(self) -> str:
        return f"{self.chain} at {self.seq}"


class AbsorbedHead(models.Model):
    """How much of a case chain the global chain has absorbed; written under its lock."""

    chain = models.CharField(max_length=64, primary_key=True)
    size = models.PositiveBigIntegerField()

    def __str__(self) -> str:
        return f"{self.chain} absorbed up to {self.size}"


class Checkpoint(models.Model):
    """A signed statement of the global chain's length and Merkle root (C2SP tlog-checkpoint)."""

    size = models.PositiveBigIntegerField(unique=True)
    root = models.CharField(max_length=64)
    head_hash = models.CharField(max_length=64)
    note = models.TextField()
    reason = models.CharField(max_length=20)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"checkpoint {self.size}"


class StampRequest(models.Model):
    """A checkpoint that waits for, or has, an RFC 3161 time stamp."""

    checkpoint = models.OneToOneField(
        Checkpoint, on_delete=models.PROTECT, related_name="stamp_request"
    )
    authority = models.URLField(blank=True)
    response = models.BinaryField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)
    stamped_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"time stamp of {self.checkpoint}"


class AuditedQuerySet(models.QuerySet[Any]):
    """A queryset whose bulk writes need an entry just as ``save`` does."""

    def update(self, **fields: Any) -> int:
        if set(fields) - self.model.unaudited_fields:
            note_change(self.model, None)
        return super().update(**fields)

    def delete(self) -> tuple[int, dict[str, int]]:
        note_change(self.model, None)
        return super().delete()

    def bulk_create(self, objs: Iterable[Any], *args: Any, **options: Any) -> list[Any]:
        require_watch(self.model)
        created = super().bulk_create(objs, *args, **options)
        for instance in created:
            note_change(self.model, instance.pk)
        return created


class AuditedModel(models.Model):
    """A model that may only change inside ``audited()`` and with an entry for each change.

    ``unaudited_fields`` names columns of no evidential weight, such as a progress percentage:
    a write that touches only these needs no entry. The verification compares each row with the
    stamp of its last entry, unless ``witnessed`` is off.
    """

    unaudited_fields: ClassVar[frozenset[str]] = frozenset()
    witnessed: ClassVar[bool] = True

    objects = AuditedQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **options: Any) -> None:
        update_fields = options.get("update_fields")
        weighty = update_fields is None or bool(set(update_fields) - self.unaudited_fields)
        if weighty:
            require_watch(type(self))
        created = self._state.adding
        super().save(*args, **options)
        if weighty:
            note_change(type(self), self.pk, created=created)

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        key = self.pk
        note_change(type(self), key)
        deleted = super().delete(*args, **options)
        self.pk = key  # the entry that follows names it
        return deleted

    def accounted_by(self) -> str:
        """The subject of the entries about this row, also of those without stamps."""
        return f"{self._meta.label_lower}:{self.pk}"
