"""Keeps account of which audited models changed and which entries explain the changes.

A watch lasts as long as one ``audited()`` block. Nested blocks each have their own; what an inner
block explained counts for the outer one too.
"""

from __future__ import annotations

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

    changed: set[tuple[str, str]] = field(default_factory=set)
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


def note_change(model: type[models.Model], key: Any) -> None:
    """Record that the row ``key`` of ``model`` (None: rows of a bulk write) changes."""
    watch = require_watch(model)
    watch.changed.add((model._meta.label_lower, ANY_ROW if key is None else str(key)))


def note_entry(instance: models.Model) -> None:
    """Record that an entry explains the changes of ``instance``."""
    watch = current.get()
    if watch is not None:
        watch.explained.add((instance._meta.label_lower, str(instance.pk)))
