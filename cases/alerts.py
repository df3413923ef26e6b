"""Telling people about what cannot wait: a failed integrity check, malware, a broken glass."""

from __future__ import annotations

import logging
from smtplib import SMTPException

from django.core.mail import send_mail
from django.db import transaction

from cases.models import Case, CaseMembership, Exhibit
from cases.permissions import CaseRole
from cases.signals import alert_raised

logger = logging.getLogger(__name__)


def raise_alert(*, case: Case, kind: str, text: str, exhibit: Exhibit | None = None) -> None:
    """Log the alert, mail it to the case's managers and send ``alert_raised``, once committed."""
    transaction.on_commit(lambda: _tell(case, kind, text, exhibit))


def _tell(case: Case, kind: str, text: str, exhibit: Exhibit | None) -> None:
    logger.error("alert %s in case %s: %s", kind, case.number, text)
    alert_raised.send_robust(sender=Case, case=case, kind=kind, text=text, exhibit=exhibit)
    managers = CaseMembership.objects.filter(case=case, role=CaseRole.MANAGER)
    addresses = [address for address in managers.values_list("user__email", flat=True) if address]
    if not addresses:
        return
    try:
        send_mail(f"[{case.number}] {kind}", text, None, addresses)
    except (SMTPException, OSError):
        # The alert is on the ledger and in the log; a mail server that is down must not undo it.
        logger.exception("alert mail for case %s could not be sent", case.number)
