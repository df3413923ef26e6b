"""What the light worker runs for the ledger."""

from __future__ import annotations

from audit import checkpoints, timestamps
from audit.models import Checkpoint


def keep_ledger() -> None:
    """The daily care: a checkpoint if anything is new, missing copies, pending time stamps."""
    checkpoints.create(reason="daily")
    for checkpoint in Checkpoint.objects.all():
        checkpoints.keep_outside(checkpoint)
    timestamps.stamp_pending()
