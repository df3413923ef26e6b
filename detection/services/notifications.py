"""Short lines for people: an analysis finished, a review is asked, something needs attention."""

from __future__ import annotations

from collections.abc import Iterable

from accounts.models import User
from detection.models import Analysis, Notification, NotificationKind


def notify(
    *,
    recipients: Iterable[User],
    kind: NotificationKind,
    text: str,
    analysis: Analysis | None = None,
) -> None:
    """Leave one line of at most 300 characters for each recipient."""
    Notification.objects.bulk_create(
        Notification(recipient=user, kind=kind, text=text[:300], analysis=analysis)
        for user in recipients
    )


def mark_read(*, user: User, notification_ids: Iterable[int] | None = None) -> int:
    """Mark the user's unread lines as read (all of them without ids); how many there were."""
    raise NotImplementedError
