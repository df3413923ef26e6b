"""Answers that are kept, so that a repeated request is answered again instead of done again."""

from __future__ import annotations

from django.db import models


class KeptAnswer(models.Model):
    """The answer to one POST with an ``Idempotency-Key``; ``status`` is null while it runs."""

    caller = models.CharField(max_length=100)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path and body")
    status = models.PositiveSmallIntegerField(null=True)
    body = models.TextField(blank=True)
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["caller", "key"], name="rest_one_answer_per_key")
        ]

    def __str__(self) -> str:
        return f"{self.key} of {self.caller}"
