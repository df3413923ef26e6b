"""What the light queue runs for this room, once a day."""

from __future__ import annotations

import logging

from accounts.actors import system_actor
from cases.integrity import check_exhibits
from cases.services.uploads import expire_uploads

logger = logging.getLogger(__name__)


def verify_all_exhibits() -> dict[str, int]:
    """Re-hash every stored original and drop uploads nobody finished; counts by outcome."""
    counts = {"unchanged": 0, "changed": 0, "unreadable": 0, "expired_uploads": expire_uploads()}
    for check in check_exhibits(actor=system_actor("integrity check")):
        counts[check.outcome] += 1
        if check.outcome == "unreadable":
            logger.error("exhibit %s could not be read: %s", check.exhibit.label, check.detail)
    return counts
