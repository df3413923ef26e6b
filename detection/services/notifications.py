"""Short lines for people: an analysis finished, a review is asked, something needs attention."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from cases.models import Case
from detection.models import Analysis, Notification, NotificationKind

LONGEST = 300


def notify(
    *,
    recipients: Iterable[User],
    kind: NotificationKind,
    text: str,
    analysis: Analysis | None = None,
    case: Case | None = None,
) -> None:
    """Leave one line of at most 300 characters for each recipient."""
    line = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    if analysis is not None:
        case = analysis.exhibit.case
    Notification.objects.bulk_create(
        Notification(recipient=user, kind=kind, text=line, analysis=analysis, case=case)
        for user in recipients
    )


def notify_submitter(*, analysis: Analysis, kind: NotificationKind, text: str) -> None:
    """Tell the person who submitted ``analysis``, or the owner of the key that did."""
    notify(recipients=_submitter(analysis), kind=kind, text=text, analysis=analysis)


def mark_read(*, user: User, notification_ids: Iterable[int] | None = None) -> int:
    """Mark the user's unread lines as read (all of them without ids); how many there were."""
    unread = Notification.objects.filter(recipient=user, read_at__isnull=True)
    if notification_ids is not None:
        unread = unread.filter(pk__in=list(notification_ids))
    return unread.update(read_at=timezone.now())


def _submitter(analysis: Analysis) -> QuerySet[User]:
    # Only the id: the worker's database role may not read the rest of an account.
    people = User.objects.only("id")
    if analysis.submitted_by_kind == "user":
        return people.filter(pk=analysis.submitted_by_id)
    if analysis.submitted_by_kind == "api_key":
        return people.filter(api_keys__pk=analysis.submitted_by_id)
    return people.none()
