"""The hash of each audited row as its entry left it, so that a row changed behind the ledger shows.

An entry's payload holds under ``rows`` the stamps of the rows whose change it explains, null for
one that was removed. The last stamp of a row is what the row must be.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import rfc8785
from django.apps import apps
from django.db import models

from audit.canonical import timestamp
from audit.models import AuditedModel, AuditEvent
from audit.watch import changed_here, only_created_here
from audit.witnesses import ALTERED, GONE, UNKNOWN, Disagreement, payloads

KEY = "rows"


def stamps_of(rows: Iterable[models.Model]) -> dict[str, str | None]:
    """The stamps of those of ``rows`` that were written in the transaction under way, once each.

    Others are locked by nobody: somebody else's stamp may come first.
    """
    found: dict[str, str | None] = {}
    for row in rows:
        if isinstance(row, AuditedModel) and row.witnessed and changed_here(row):
            stored = row if only_created_here(row) else type(row).objects.filter(pk=row.pk).first()
            found[name(row)] = stamp(stored) if stored else None
    return found


def name(row: models.Model) -> str:
    """``app.model:key``, as the subject of an entry has it."""
    return f"{row._meta.label_lower}:{row.pk}"


def stamp(row: AuditedModel) -> str:
    """SHA-256 over every column of ``row`` that counts.

    An empty column does not, so one that a later version adds empty leaves earlier stamps true.
    """
    columns = {
        field.attname: _text(getattr(row, field.attname))
        for field in row._meta.concrete_fields
        if field.name not in row.unaudited_fields
        and not _forgets(field)
        and not _empty(field, getattr(row, field.attname))
    }
    return hashlib.sha256(rfc8785.dumps(columns)).hexdigest()


def disagreements() -> Iterator[Disagreement]:
    """Rows that are not what the last entry about them left, that nobody made, or that are gone."""
    stamps = _recorded()
    for model in apps.get_models():
        if issubclass(model, AuditedModel) and model.witnessed:
            for row in model.objects.order_by("pk").iterator(chunk_size=500):
                yield from _compared(row, stamps)
    for key, left in stamps.items():
        if left is not None:
            yield Disagreement(GONE, f"the row {key} was recorded and is gone")


def _compared(row: AuditedModel, stamps: dict[str, str | None]) -> Iterator[Disagreement]:
    key = name(row)
    if key not in stamps:
        if not _made_before_stamps(row):
            yield Disagreement(UNKNOWN, f"the row {key} is not on the ledger")
        return
    left = stamps.pop(key)
    if left is None:
        yield Disagreement(UNKNOWN, f"the row {key} was removed and is there again")
    elif left != stamp(row):
        yield Disagreement(ALTERED, f"the row {key} is not what the ledger's last entry left")


def _made_before_stamps(row: AuditedModel) -> bool:
    """Whether the ledger knows the row from a time when entries had no stamps."""
    entries = AuditEvent.objects.filter(subject=row.accounted_by())
    first = entries.order_by("occurred_at", "id").first()
    return first is not None and f'"{KEY}":' not in first.payload_text


def _recorded() -> dict[str, str | None]:
    stamps: dict[str, str | None] = {}
    for _, payload in payloads(AuditEvent.objects.filter(payload_text__contains=f'"{KEY}":')):
        told = payload.get(KEY)
        stamps.update(told if isinstance(told, dict) else {})
    return stamps


def _forgets(field: models.Field[Any, Any]) -> bool:
    """Whether the database itself empties the column when another row goes."""
    relation = field.remote_field
    return relation is not None and getattr(relation, "on_delete", None) is models.SET_NULL


def _empty(field: models.Field[Any, Any], value: Any) -> bool:
    return value is None or (not value and not field.null)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, bool | int | float | dict | list | tuple):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    return str(value)
