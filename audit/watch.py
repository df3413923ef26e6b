"""Keeps account of which audited models changed and which entries explain the changes.

A watch lasts as long as one ``audited()`` block. Nested blocks each have their own; what an inner
block explained counts for the outer one too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from django.db import models

from audit.errors import UnauditedChange

# The key of a bulk write, whose rows are not known one by one.
ANY_ROW = "*"


@dataclass
class Watch:
    """The changes and explanations of one ``audited()`` block, as (model label, key) pairs."""

    outer: Watch | None = None
    changed: set[tuple[str, str]] = field(default_factory=set)
    created: set[tuple[str, str]] = field(default_factory=set)
    explained: set[tuple[str, str]] = field(default_factory=set)

    def unexplained(self) -> list[str]:
        """The changes without an entry, as ``app.model:key``."""
        models_explained = {label for label, _ in self.explained}
        return sorted(
            f"{label}:{key}"
            for label, key in self.changed
            if (label, key) not in self.explained
            and not (key == ANY_ROW and label in models_explained)
        )


current: ContextVar[Watch | None] = ContextVar("audit_watch", default=None)


def require_watch(model: type[models.Model]) -> Watch:
    """The open watch; UnauditedChange when ``model`` is written outside ``audited()``."""
    watch = current.get()
    if watch is None:
        raise UnauditedChange(
            f"{model._meta.label} was written outside audited(); call a service, which opens it"
        )
    return watch


def note_change(model: type[models.Model], key: Any, *, created: bool = False) -> None:
    """Record that the row ``key`` of ``model`` (None: rows of a bulk write) changes, or is made."""
    watch = require_watch(model)
    label = model._meta.label_lower
    change = (label, ANY_ROW if key is None else str(key))
    watch.changed.add(change)
    # An entry holds the row as it left it: one that stands before the change explains nothing.
    for touched in _open():
        for rows in (touched.explained, touched.created):
            rows -= {row for row in rows if row == change or (key is None and row[0] == label)}
    if created:
        watch.created.add(change)


def changed_here(instance: models.Model) -> bool:
    """Whether the row was written in the open ``audited()`` blocks and no entry has told it yet.

    So a row is stamped once for each change, in one chain.
    """
    row = (instance._meta.label_lower, str(instance.pk))
    told = any(row in watch.explained for watch in _open())
    return not told and any(_rows(instance) & watch.changed for watch in _open())


def only_created_here(instance: models.Model) -> bool:
    """Whether the row was made there and not written again: it is as it is in memory."""
    return any(_rows(instance) & watch.created for watch in _open())


def _rows(instance: models.Model) -> set[tuple[str, str]]:
    label = instance._meta.label_lower
    return {(label, str(instance.pk)), (label, ANY_ROW)}


def _open() -> Iterator[Watch]:
    watch = current.get()
    while watch is not None:
        yield watch
        watch = watch.outer


def note_entry(instance: models.Model) -> None:
    """Record that an entry explains the changes of ``instance``."""
    watch = current.get()
    if watch is not None:
        watch.explained.add((instance._meta.label_lower, str(instance.pk)))
