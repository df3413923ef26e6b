"""Evidence as the ledger has it, compared with the rows."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection
from django.db.models import F, Max
from django.db.models.functions import Coalesce

from audit.actions import Action
from audit.canonical import canonical_text, timestamp
from audit.witnesses import ALTERED, GONE, Disagreement, compared, recorded
from cases import triggers
from cases.models import Case, Exhibit
from cases.stamps import text_sha256

FIELDS = ("number", "sha256", "sha512", "size", "mime_type", "storage_key", "declared_sha256")
# An exhibit received before these were taken has neither, on the ledger and in its row.
LOOKUP_FIELDS = ("md5", "sha1")
ACQUISITION = (
    "source",
    "collector",
    "authority",
    "acquisition_method",
    "acquired_at",
    "acquired_utc_offset",
)


def disagreements() -> Iterator[Disagreement]:
    """Missing triggers, exhibits that differ from their receipt, and gaps in their numbers."""
    yield from triggers.missing(connection, triggers.GUARDS)
    yield from _exhibits()
    yield from _counters()


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
            **{name: getattr(exhibit, name) for name in (*FIELDS, *LOOKUP_FIELDS)},
            "name_sha256": text_sha256(exhibit.name),
            "acquisition_sha256": acquisition_sha256(exhibit),
        }
        entry = received.pop(key, None)
        if entry is not None:
            entry = {**dict.fromkeys(LOOKUP_FIELDS), **entry}
        yield from compared(f"exhibit {exhibit.label}", key, row, entry)
    for key, entry in received.items():
        yield Disagreement(
            GONE, f"exhibit {entry.get('number')} ({key}) was received and has no row"
        )


def _counters() -> Iterator[Disagreement]:
    """A counter that was set forward leaves a gap, as if an exhibit had been taken away."""
    given_out = Coalesce(Max("exhibits__number"), 0)
    cases = Case.objects.annotate(given_out=given_out).exclude(last_exhibit_number=F("given_out"))
    for case in cases.order_by("number"):
        yield Disagreement(
            ALTERED,
            f"case {case.number} counts {case.last_exhibit_number} exhibits, the last one received "
            f"is number {case.given_out}",
        )
