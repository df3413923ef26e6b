"""The log that an analysis carries with it: what happened to it, in words, with times."""

from __future__ import annotations

from django.utils import timezone

from detection.models import Analysis


def note(analysis: Analysis, words: str) -> None:
    """Add one line to the analysis' log; the caller saves it."""
    stamp = timezone.now().isoformat(timespec="milliseconds")
    analysis.log = [*analysis.log, [stamp, words]]
