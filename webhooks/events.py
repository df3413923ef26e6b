"""Which entries of the ledger are told to others, under which name and to whom."""

from __future__ import annotations

from django.db import models

from audit.actions import Action
from cases.permissions import CaseAction


class EventType(models.TextChoices):
    """What an endpoint can ask for. Names are never reused for another meaning."""

    CASE_CREATED = "case.created", "a case was opened"
    CASE_CLOSED = "case.closed", "a case was closed"
    EVIDENCE_RECEIVED = "evidence.received", "evidence was received"
    EVIDENCE_REFUSED = "evidence.refused", "a file was refused"
    INTEGRITY_FAILED = "integrity.failed", "stored bytes are no longer those received"
    ANALYSIS_FINISHED = "analysis.finished", "an analysis has a finding"
    ANALYSIS_FAILED = "analysis.failed", "an analysis failed"
    ANALYSIS_CANCELLED = "analysis.cancelled", "an analysis was cancelled"
    REVIEW_REQUESTED = "review.requested", "a review was asked for"
    REVIEW_RECORDED = "review.recorded", "an opinion, sign-off or dissent was given"
    REPORT_READY = "report.ready", "a report was made"
    BUNDLE_READY = "bundle.ready", "an evidence bundle was made"


# Sent to one endpoint by hand; nobody subscribes to it.
PING = "ping"

OF_ACTION: dict[str, EventType] = {
    Action.CASE_CREATED: EventType.CASE_CREATED,
    Action.CASE_CLOSED: EventType.CASE_CLOSED,
    Action.EVIDENCE_RECEIVED: EventType.EVIDENCE_RECEIVED,
    Action.EVIDENCE_REFUSED: EventType.EVIDENCE_REFUSED,
    Action.EVIDENCE_MISMATCH: EventType.INTEGRITY_FAILED,
    Action.ANALYSIS_COMPLETED: EventType.ANALYSIS_FINISHED,
    Action.ANALYSIS_FAILED: EventType.ANALYSIS_FAILED,
    Action.ANALYSIS_CANCELLED: EventType.ANALYSIS_CANCELLED,
    Action.REVIEW_REQUESTED: EventType.REVIEW_REQUESTED,
    Action.REVIEW_OPINION_RECORDED: EventType.REVIEW_RECORDED,
    Action.REVIEW_SIGNED_OFF: EventType.REVIEW_RECORDED,
    Action.REVIEW_DISSENT_RECORDED: EventType.REVIEW_RECORDED,
    Action.REPORT_CREATED: EventType.REPORT_READY,
    Action.EXPORT_STORED: EventType.BUNDLE_READY,
}

# What of an entry's payload is told besides its subject: ids, hashes, counts; no words of people.
TOLD = ("sha256", "size", "exhibit", "analysis", "expected", "measured", "code", "kind")


def needed_for(event_type: str) -> CaseAction:
    """What an endpoint's owner must be allowed to do in the case to be told."""
    if event_type.startswith(("case.", "evidence.", "integrity.")):
        return CaseAction.VIEW
    return CaseAction.VIEW_FINDINGS
