"""Exports as the ledger has them, compared with the rows."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection

from audit.actions import Action
from audit.witnesses import GONE, Disagreement, compared, recorded
from cases import triggers
from reports.models import Export
from reports.triggers import GUARDS, ORDER_GUARDS


def disagreements() -> Iterator[Disagreement]:
    """Missing triggers, and exports that are not as recorded."""
    yield from triggers.missing(connection, (*GUARDS, *ORDER_GUARDS))
    stored = recorded(Action.REPORT_CREATED, Action.EXPORT_STORED)
    for export in Export.objects.iterator():
        key = f"reports.export:{export.pk}"
        row = {"kind": export.kind, "sha256": export.sha256, "size": export.size}
        yield from compared("export", key, row, stored.pop(key, None))
    for key in stored:
        yield Disagreement(GONE, f"export ({key}) was recorded and has no row")
