"""Evidence and custody as the ledger has them, compared with the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from django.db import connection

from audit.actions import Action
from audit.canonical import canonical_text, timestamp
from audit.models import AuditEvent
from audit.witnesses import ALTERED, GONE, Disagreement, compared, recorded
from cases import triggers
from cases.models import CustodyEvent, Exhibit
from cases.stamps import text_sha256

FIELDS = ("number", "sha256", "sha512", "size", "mime_type", "storage_key", "declared_sha256")
ACQUISITION = (
    "source",
    "collector",
    "authority",
    "acquisition_method",
    "acquired_at",
    "acquired_utc_offset",
)
Kind = CustodyEvent.Kind
# Steps that have exactly one entry about the exhibit each.
STEPS = {
    Kind.RECEIVED: Action.EVIDENCE_RECEIVED,
    Kind.VIEWED: Action.EVIDENCE_VIEWED,
    Kind.DOWNLOADED: Action.EVIDENCE_DOWNLOADED,
    Kind.VERIFIED: Action.EVIDENCE_VERIFIED,
    Kind.FROZEN: Action.EVIDENCE_MISMATCH,
    Kind.UNFROZEN: Action.EVIDENCE_UNFROZEN,
    Kind.TRANSFER_OFFERED: Action.EVIDENCE_TRANSFER_OFFERED,
    Kind.TRANSFER_ACCEPTED: Action.EVIDENCE_TRANSFER_ACCEPTED,
    Kind.TRANSFER_DECLINED: Action.EVIDENCE_TRANSFER_DECLINED,
    Kind.EXPORTED: Action.EVIDENCE_EXPORTED,
    Kind.RETURNED: Action.EVIDENCE_RETURNED,
    Kind.DESTRUCTION_REQUESTED: Action.EVIDENCE_DESTRUCTION_REQUESTED,
    Kind.DESTRUCTION_DECLINED: Action.EVIDENCE_DESTRUCTION_DECLINED,
    Kind.DESTROYED: Action.EVIDENCE_DESTROYED,
}


def disagreements() -> Iterator[Disagreement]:
    """Missing triggers, exhibits that differ from their receipt, custody steps too many or few."""
    yield from triggers.missing(connection, triggers.GUARDS)
    yield from _exhibits()
    yield from _custody()


def acquisition_sha256(exhibit: Exhibit) -> str:
    """Hash of what was stated about how the recording was obtained; the texts may name people."""
    stated = {name: getattr(exhibit, name) for name in ACQUISITION}
    if stated["acquired_at"]:
        stated["acquired_at"] = timestamp(stated["acquired_at"])
    return text_sha256(canonical_text(stated))


def _exhibits() -> Iterator[Disagreement]:
    received = recorded(Action.EVIDENCE_RECEIVED)
    for exhibit in Exhibit.objects.select_related("case").iterator():
        key = f"cases.exhibit:{exhibit.pk}"
        row = {
            **{name: getattr(exhibit, name) for name in FIELDS},
            "name_sha256": text_sha256(exhibit.name),
            "acquisition_sha256": acquisition_sha256(exhibit),
        }
        yield from compared(f"exhibit {exhibit.label}", key, row, received.pop(key, None))
    for key, entry in received.items():
        yield Disagreement(GONE, f"exhibit {entry['number']} ({key}) was received and has no row")


def _custody() -> Iterator[Disagreement]:
    entries = AuditEvent.objects.filter(
        action__in=STEPS.values(), subject__startswith="cases.exhibit:"
    )
    counted = Counter(entries.values_list("subject", "action").iterator())
    steps = CustodyEvent.objects.filter(kind__in=STEPS).values_list("exhibit_id", "kind")
    for exhibit, kind in steps.iterator():
        counted[f"cases.exhibit:{exhibit}", str(STEPS[Kind(kind)])] -= 1
    for (subject, action), difference in sorted(counted.items()):
        if difference:
            more = "fewer" if difference > 0 else "more"
            yield Disagreement(
                ALTERED,
                f"the custody of {subject} has {abs(difference)} {more} steps than the ledger has "
                f"entries {action}",
            )
