"""One transaction, one ledger entry per change: the block every service writes in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from audit import watch
from audit.errors import UnauditedChange


@contextmanager
def audited() -> Iterator[None]:
    """Open a transaction that commits only if every change of an AuditedModel has its entry.

    Use as ``with audited():`` or as a decorator ``@audited()``. UnauditedChange names the rows
    without an entry and everything written inside is rolled back.
    """
    outer = watch.current.get()
    inner = watch.Watch(outer)
    token = watch.current.set(inner)
    try:
        with transaction.atomic():
            yield
            missing = inner.unexplained()
            if missing:
                raise UnauditedChange(
                    f"no ledger entry explains the change of {', '.join(missing)}"
                )
    finally:
        watch.current.reset(token)
    if outer is not None:
        outer.explained |= inner.explained
