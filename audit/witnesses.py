"""What other rooms have on record, compared with what the ledger says of it.

A database administrator who drops the triggers can change a row and leave the ledger alone. Each
room registers a witness that tells where its rows and the ledger disagree; the verification of the
ledger asks them all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import models

from audit.actions import Action
from audit.models import AuditEvent

ALTERED, GONE, UNKNOWN = "record_altered", "record_deleted", "record_unknown"


@dataclass(frozen=True)
class Disagreement:
    """One row that is not what the ledger says; ``code`` is for programs."""

    code: str
    message: str


Witness = Callable[[], Iterable[Disagreement]]
_witnesses: dict[str, Witness] = {}


def call_witness(room: str, witness: Witness) -> None:
    """Ask ``witness`` at each verification; a room has one."""
    _witnesses[room] = witness


def disagreements() -> Iterator[Disagreement]:
    """What every room's witness has to say."""
    for room in sorted(_witnesses):
        yield from _witnesses[room]()


def recorded(*actions: Action) -> dict[str, dict[str, Any]]:
    """Payloads of the entries of ``actions`` by subject; the last entry of a subject counts."""
    return dict(payloads(AuditEvent.objects.filter(action__in=actions)))


def payloads(entries: models.QuerySet[AuditEvent]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Subject and payload of ``entries``, in the order of their chains.

    An entry that was overwritten with something unreadable is left out: its chain accuses it.
    """
    # By place in the chain, not by key: the hash of an entry covers no key.
    pairs = entries.order_by("chain", "seq").values_list("subject", "payload_text")
    for subject, text in pairs.iterator():
        try:
            payload = json.loads(text)
        except ValueError:
            continue
        if isinstance(payload, dict):
            yield subject, payload


def compared(
    what: str, key: str, row: dict[str, Any], entry: dict[str, Any] | None
) -> Iterator[Disagreement]:
    """Where ``row`` differs from its ``entry``; only fields that the entry has are compared."""
    if entry is None:
        yield Disagreement(UNKNOWN, f"{what} ({key}) is not on the ledger")
        return
    wrong = sorted(name for name in row if name in entry and entry[name] != row[name])
    if wrong:
        yield Disagreement(ALTERED, f"{what} ({key}): the ledger has another {', '.join(wrong)}")
