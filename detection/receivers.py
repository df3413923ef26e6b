"""Alerts of the cases room become lines for the people who manage the case."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from accounts.models import User
from cases.models import Case
from cases.permissions import CaseRole
from cases.signals import alert_raised
from detection.models import NotificationKind
from detection.services import notify


@receiver(alert_raised)
def tell_managers(*, case: Case, text: str, **_: Any) -> None:
    """Leave an alert for every manager of ``case``."""
    managers = User.objects.filter(
        case_memberships__case=case, case_memberships__role=CaseRole.MANAGER
    )
    notify(recipients=managers, kind=NotificationKind.ALERT, text=text, case=case)
