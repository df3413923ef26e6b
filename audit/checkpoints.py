"""Signed checkpoints: what the whole ledger looked like at a moment, kept outside the database.

A checkpoint first lets the global chain absorb the head of every case chain that has grown, then
signs length and Merkle root of the global chain. So one signature covers every chain.
"""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.actors import system_actor
from audit import chains, keys, merkle, outside_copies, signed_notes
from audit.actions import Action
from audit.models import (
    GLOBAL_CHAIN,
    AbsorbedHead,
    AuditEvent,
    ChainHead,
    Checkpoint,
    StampRequest,
)


@transaction.atomic
def create(*, reason: str) -> Checkpoint:
    """Sign the present state; the latest checkpoint when nothing was appended since.

    ``reason`` is ``entries``, ``daily``, ``report`` or ``request``. The copy outside the database
    is written after the commit.
    """
    chains.lock_head(GLOBAL_CHAIN)
    _absorb_case_heads()
    head = chains.lock_head(GLOBAL_CHAIN)
    latest = Checkpoint.objects.last()
    if latest is not None and latest.size == head.seq:
        return latest
    keys.current_verifier_key()
    body = signed_notes.CheckpointBody(
        origin=settings.DFD.ledger_origin,
        size=head.seq,
        root=merkle.root(merkle.unpack(head.frontier)),
        head_hash=head.hash,
    )
    checkpoint = Checkpoint.objects.create(
        size=body.size,
        root=body.root.hex(),
        head_hash=body.head_hash,
        note=signed_notes.sign(body.text(), body.origin, keys.signing_key()),
        reason=reason,
        created_at=timezone.now(),
    )
    if settings.DFD.timestamp_authority:
        StampRequest.objects.create(
            checkpoint=checkpoint, authority=settings.DFD.timestamp_authority
        )
    transaction.on_commit(lambda: keep_outside(checkpoint), robust=True)
    return checkpoint


def keep_outside(checkpoint: Checkpoint) -> None:
    """Write the copy of ``checkpoint`` outside the database, unless it is there."""
    outside_copies.keep_copy(copy_name(checkpoint), checkpoint.note)


def copy_name(checkpoint: Checkpoint) -> str:
    """The file name of the copy; names sort by length of the ledger."""
    return f"checkpoint-{checkpoint.size:012d}.txt"


def _absorb_case_heads() -> None:
    absorbed = dict(AbsorbedHead.objects.values_list("chain", "size"))
    for head in ChainHead.objects.exclude(pk=GLOBAL_CHAIN).order_by("chain"):
        if head.seq > absorbed.get(head.chain, 0):
            _absorb(head)


def _absorb(head: ChainHead) -> AuditEvent:
    AbsorbedHead.objects.update_or_create(chain=head.chain, defaults={"size": head.seq})
    return chains.extend(
        GLOBAL_CHAIN,
        actor=system_actor("ledger"),
        action=Action.LEDGER_CHAIN_ABSORBED,
        subject=f"audit.chain:{head.chain}",
        case_id=None,
        payload={
            "chain": head.chain,
            "size": head.seq,
            "root": merkle.root(merkle.unpack(head.frontier)).hex(),
            "head_hash": head.hash,
        },
    )
