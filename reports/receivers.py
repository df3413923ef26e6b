"""Each round of the reconciler looks after ordered exports too."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from detection.signals import round_due
from reports.reconciler import reconcile


@receiver(round_due)
def look_after_exports(**_: Any) -> None:
    """Put on the queue what Redis or a dead worker has lost."""
    reconcile()
