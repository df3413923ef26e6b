"""The guards of what left the house; its rows are compared by their stamps."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection

from audit.witnesses import Disagreement
from cases import triggers
from reports.triggers import GUARDS, ORDER_GUARDS


def disagreements() -> Iterator[Disagreement]:
    """Missing triggers."""
    yield from triggers.missing(connection, (*GUARDS, *ORDER_GUARDS))
