"""Writing to the ledger: one entry, in the transaction of the change it records."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import connection, models, transaction

from accounts.actors import Actor, system_actor
from audit import chains, checkpoints, row_stamps, watch
from audit.actions import Action
from audit.errors import OutsideTransaction
from audit.models import GLOBAL_CHAIN, AuditEvent
from audit.signals import entry_appended


def append(
    *,
    actor: Actor,
    action: Action,
    subject: models.Model | str,
    case_id: uuid.UUID | None = None,
    payload: dict[str, Any] | None = None,
    also: Iterable[models.Model] = (),
) -> AuditEvent:
    """Append one entry to the chain of ``case_id``, or to the global chain without one.

    ``payload`` holds ids and hashes as JSON types without floats (BadPayload otherwise). ``also``
    names further audited rows of the same act that this entry accounts for; it comes after their
    change and keeps their stamps. Must run inside a transaction (OutsideTransaction otherwise),
    best inside ``audited()``.
    """
    if not connection.in_atomic_block:
        raise OutsideTransaction(f"{action} was appended outside a transaction; use audited()")
    rows = [row for row in (subject, *also) if isinstance(row, models.Model)]
    stamps = row_stamps.stamps_of(rows)
    event = chains.extend(
        str(case_id) if case_id else GLOBAL_CHAIN,
        actor=actor,
        action=Action(action),
        subject=_subject_text(subject),
        case_id=case_id,
        payload={**(payload or {}), **({row_stamps.KEY: stamps} if stamps else {})},
    )
    if event.seq == 1 and case_id:
        _announce_chain(event)
    for row in rows:
        watch.note_entry(row)
    entry_appended.send(sender=AuditEvent, entry=event)
    if event.seq % settings.DFD.checkpoint_every == 0:
        # After the commit and in its own transaction: the change must not wait for the global
        # chain, nor fail with it.
        transaction.on_commit(lambda: checkpoints.create(reason="entries"), robust=True)
    return event


def _announce_chain(event: AuditEvent) -> None:
    """Let the global chain name a new case chain, so that deleting the whole chain shows."""
    chains.extend(
        GLOBAL_CHAIN,
        actor=system_actor("ledger"),
        action=Action.LEDGER_CHAIN_OPENED,
        subject=f"audit.chain:{event.chain}",
        case_id=None,
        payload={"chain": event.chain, "first_hash": event.hash},
    )


def _subject_text(subject: models.Model | str) -> str:
    if isinstance(subject, str):
        return subject
    return row_stamps.name(subject)
