"""The chains themselves: one locked head row each, entries appended one after another."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils import timezone

from accounts.actors import Actor
from audit import merkle, seals
from audit.actions import Action
from audit.canonical import canonical_text, entry_hash
from audit.models import GENESIS, AuditEvent, ChainHead


def extend(
    chain: str,
    *,
    actor: Actor,
    action: Action,
    subject: str,
    case_id: uuid.UUID | None,
    payload: dict[str, Any],
) -> AuditEvent:
    """Append one entry to ``chain``; the caller holds a transaction."""
    payload_text = canonical_text(payload)
    head = lock_head(chain)
    event = AuditEvent(
        chain=chain,
        seq=head.seq + 1,
        occurred_at=timezone.now(),
        actor_kind=actor.kind,
        actor_id=_storable(actor.id, 100),
        actor_label=_storable(actor.label, 200),
        action=action,
        subject=_storable(subject, 200),
        case_id=case_id,
        request_id=_storable(actor.request_id, 64),
        ip=_storable(actor.ip, 45),
        payload_text=payload_text,
        prev_hash=head.hash,
    )
    event.hash = entry_hash(event)
    event.save(force_insert=True)
    nodes = merkle.append(merkle.unpack(head.frontier), head.seq, bytes.fromhex(event.hash))
    head.seq, head.hash, head.frontier = event.seq, event.hash, merkle.pack(nodes)
    head.seal = seals.seal(head)
    head.save(update_fields=["seq", "hash", "frontier", "seal"])
    return event


def lock_head(chain: str) -> ChainHead:
    """The head row of ``chain``, made at need and locked until the transaction ends.

    PostgreSQL locks the row; SQLite transactions are IMMEDIATE, so there is one writer anyway.
    """
    head = ChainHead.objects.select_for_update().filter(pk=chain).first()
    if head is None:
        # Two transactions may open a chain at once: the second waits here, then finds the row.
        ChainHead.objects.bulk_create(
            [ChainHead(chain=chain, seq=0, hash=GENESIS)], ignore_conflicts=True
        )
        head = ChainHead.objects.select_for_update().get(pk=chain)
    return head


def _storable(text: str, length: int) -> str:
    # PostgreSQL refuses NUL in text, and names come from outside.
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")[:length]
