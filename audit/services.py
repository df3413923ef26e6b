"""Writing to the ledger: one entry, in the transaction of the change it records."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import connection, models
from django.utils import timezone

from accounts.actors import Actor, system_actor
from audit import merkle, watch
from audit.actions import Action
from audit.canonical import canonical_text, entry_hash
from audit.errors import OutsideTransaction
from audit.models import GENESIS, GLOBAL_CHAIN, AuditEvent, ChainHead


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
    names further audited rows of the same act that this entry accounts for. Must run inside a
    transaction (OutsideTransaction otherwise), best inside ``audited()``.
    """
    if not connection.in_atomic_block:
        raise OutsideTransaction(f"{action} was appended outside a transaction; use audited()")
    chain = str(case_id) if case_id else GLOBAL_CHAIN
    event = _append_to(
        chain,
        actor=actor,
        action=Action(action),
        subject=_subject_text(subject),
        case_id=case_id,
        payload=payload or {},
    )
    if event.seq == 1 and chain != GLOBAL_CHAIN:
        _absorb_opening(event)
    for instance in (subject, *also):
        if isinstance(instance, models.Model):
            watch.note_entry(instance)
    return event


def _append_to(
    chain: str,
    *,
    actor: Actor,
    action: Action,
    subject: str,
    case_id: uuid.UUID | None,
    payload: dict[str, Any],
) -> AuditEvent:
    payload_text = canonical_text(payload)
    head = lock_head(chain)
    event = AuditEvent(
        chain=chain,
        seq=head.seq + 1,
        occurred_at=timezone.now(),
        actor_kind=actor.kind,
        actor_id=actor.id[:100],
        actor_label=_storable(actor.label)[:200],
        action=action,
        subject=_storable(subject)[:200],
        case_id=case_id,
        request_id=_storable(actor.request_id)[:64],
        ip=actor.ip[:45],
        payload_text=payload_text,
        prev_hash=head.hash,
    )
    event.hash = entry_hash(event)
    event.save(force_insert=True)
    frontier = merkle.append(unpack(head.frontier), head.seq, bytes.fromhex(event.hash))
    head.seq, head.hash, head.frontier = event.seq, event.hash, pack(frontier)
    head.save(update_fields=["seq", "hash", "frontier"])
    return event


def lock_head(chain: str) -> ChainHead:
    """The head row of ``chain``, made at need and locked until the transaction ends.

    PostgreSQL locks the row; SQLite transactions are IMMEDIATE, so there is one writer anyway.
    """
    head = ChainHead.objects.select_for_update().filter(pk=chain).first()
    if head is None:
        fresh = ChainHead(chain=chain, seq=0, hash=GENESIS)
        # Two transactions may open a chain at once: the second waits here, then finds the row.
        ChainHead.objects.bulk_create([fresh], ignore_conflicts=True)
        head = ChainHead.objects.select_for_update().get(pk=chain)
    return head


def _absorb_opening(event: AuditEvent) -> None:
    """Let the global chain name a new case chain, so that deleting the whole chain shows."""
    _append_to(
        GLOBAL_CHAIN,
        actor=system_actor("ledger"),
        action=Action.LEDGER_CHAIN_OPENED,
        subject=f"audit.chain:{event.chain}",
        case_id=None,
        payload={"chain": event.chain, "first_hash": event.hash},
    )


def pack(frontier: list[bytes]) -> str:
    """Hex of the frontier's nodes, one after the other."""
    return b"".join(frontier).hex()


def unpack(text: str) -> list[bytes]:
    """Inverse of ``pack``."""
    raw = bytes.fromhex(text)
    return [raw[start : start + 32] for start in range(0, len(raw), 32)]


def _subject_text(subject: models.Model | str) -> str:
    if isinstance(subject, str):
        return subject
    return f"{subject._meta.label_lower}:{subject.pk}"


def _storable(text: str) -> str:
    # PostgreSQL refuses NUL in text; names that reach labels come from outside.
    return text.replace("\x00", "�")
