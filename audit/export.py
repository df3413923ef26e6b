"""Ledger entries as CSV and JSON for people who read them elsewhere."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator

from audit.canonical import timestamp
from audit.models import AuditEvent
from audit.proofs import sealed

COLUMNS = [
    "chain", "seq", "occurred_at", "actor_kind", "actor_id", "actor_label", "action", "subject",
    "case_id", "request_id", "ip", "payload_text", "prev_hash", "hash",
]  # fmt: skip


def csv_lines(entries: Iterable[AuditEvent]) -> Iterator[str]:
    """A header line and one line for each entry."""
    yield _csv_line(COLUMNS)
    for entry in entries:
        row = {column: getattr(entry, column) for column in COLUMNS}
        row["occurred_at"] = timestamp(entry.occurred_at)
        yield _csv_line([_harmless(str(row[column] or "")) for column in COLUMNS])


def json_lines(entries: Iterable[AuditEvent]) -> Iterator[str]:
    """One JSON object for each entry: its record and the hashes that bind it."""
    for entry in entries:
        yield json.dumps(sealed(entry), ensure_ascii=False, sort_keys=True) + "\n"


def _csv_line(values: list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(values)
    return buffer.getvalue()


def _harmless(text: str) -> str:
    # A spreadsheet runs cells that start like a formula; names come from outside.
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
