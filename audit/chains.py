"""The chains themselves: one locked head row each, entries appended one after another."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts.actors import Actor
from audit import merkle, seals
from audit.actions import Action
from audit.canonical import canonical_text, entry_hash
from audit.models import GENESIS, AuditEvent, ChainHead

FIELDS = [field for field in AuditEvent._meta.concrete_fields if not field.primary_key]
INSERT = (
    f"INSERT INTO audit_auditevent ({', '.join(str(field.column) for field in FIELDS)}) "
    f"VALUES ({', '.join(['%s'] * len(FIELDS))})"
)
UPDATE = "UPDATE audit_chainhead SET seq = %s, hash = %s, frontier = %s, seal = %s WHERE chain = %s"


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
    nodes = merkle.append(merkle.unpack(head.frontier), head.seq, bytes.fromhex(event.hash))
    head.seq, head.hash, head.frontier = event.seq, event.hash, merkle.pack(nodes)
    head.seal = seals.seal(head)
    _write(event, head)
    return event


def lock_head(chain: str) -> ChainHead:
    """The head row of ``chain``, made at need and locked until the transaction ends.

    PostgreSQL locks the row; SQLite transactions are IMMEDIATE, so there is one writer anyway.
    """
    head = _locked(chain)
    if head is None:
        # Two transactions may open a chain at once: the second waits here, then finds the row.
        ChainHead.objects.bulk_create(
            [ChainHead(chain=chain, seq=0, hash=GENESIS)], ignore_conflicts=True
        )
        head = _locked(chain)
        assert head is not None
    return head


# Every change on the platform comes through here while its case's other writers wait, so these
# statements are written out instead of being put together by the ORM each time.


def _locked(chain: str) -> ChainHead | None:
    lock = " FOR UPDATE" if connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT seq, hash, frontier, seal FROM audit_chainhead WHERE chain = %s{lock}", [chain]
        )
        row = cursor.fetchone()
    if row is None:
        return None
    return ChainHead(chain=chain, seq=row[0], hash=row[1], frontier=row[2], seal=row[3])


def _write(event: AuditEvent, head: ChainHead) -> None:
    """Store the entry and move the head; one round trip where the database can."""
    entry: list[Any] = [
        field.get_db_prep_save(getattr(event, field.attname), connection) for field in FIELDS
    ]
    moved: list[Any] = [head.seq, head.hash, head.frontier, head.seal, head.chain]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"WITH entry AS ({INSERT} RETURNING id) {UPDATE} RETURNING (SELECT id FROM entry)",
                [*entry, *moved],
            )
            event.pk = cursor.fetchone()[0]
        else:
            cursor.execute(INSERT, entry)
            event.pk = cursor.lastrowid
            cursor.execute(UPDATE, moved)


def _storable(text: str, length: int) -> str:
    # PostgreSQL refuses NUL in text, and names come from outside.
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")[:length]
