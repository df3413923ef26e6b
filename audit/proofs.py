"""What an outsider needs to check entries of one case without seeing the rest of the ledger.

The path from an entry to the signature: the entry's hash is a leaf of its case chain's Merkle
tree; a global entry absorbed that tree's root; that entry's hash is a leaf of the global tree; a
checkpoint signs the global root.
"""

from __future__ import annotations

import uuid
from typing import Any

from audit import checkpoints, keys, merkle
from audit.actions import Action
from audit.canonical import record
from audit.models import GLOBAL_CHAIN, AuditEvent, Checkpoint

FORMAT = "dfd.ledger.v1"


def case_slice(
    case_id: uuid.UUID, *, reason: str = "report", checkpoint: Checkpoint | None = None
) -> dict[str, Any]:
    """Every entry of a case with its inclusion proof, as JSON types.

    ``checkpoint`` is one made after the newest entry; without it one is made. ValueError for a
    case without entries.
    """
    checkpoint = checkpoint or checkpoints.create(reason=reason)
    absorbed = _absorption(case_id, checkpoint.size)
    size = absorbed.payload["size"]
    entries = list(AuditEvent.objects.filter(case_id=case_id, seq__lte=size).order_by("seq"))
    hashes = [bytes.fromhex(entry.hash) for entry in entries]
    return {
        "format": FORMAT,
        "verifier_key": keys.current_verifier_key(),
        "checkpoint": checkpoint.note,
        "absorbed": {
            **sealed(absorbed),
            "proof": _hex(
                merkle.inclusion_proof(_global_hashes(checkpoint.size), absorbed.seq - 1)
            ),
        },
        "entries": [
            {**sealed(entry), "proof": _hex(merkle.inclusion_proof(hashes, entry.seq - 1))}
            for entry in entries
        ],
    }


def sealed(entry: AuditEvent) -> dict[str, Any]:
    """The record of ``entry`` with the two hashes that bind it."""
    return {"record": record(entry), "prev_hash": entry.prev_hash, "hash": entry.hash}


def _absorption(case_id: uuid.UUID, size: int) -> AuditEvent:
    found = AuditEvent.objects.filter(
        chain=GLOBAL_CHAIN,
        action=Action.LEDGER_CHAIN_ABSORBED,
        subject=f"audit.chain:{case_id}",
        seq__lte=size,
    ).last()
    if found is None:
        raise ValueError(f"the case {case_id} has no ledger entries")
    return found


def _global_hashes(size: int) -> list[bytes]:
    rows = AuditEvent.objects.filter(chain=GLOBAL_CHAIN, seq__lte=size).order_by("seq")
    return [bytes.fromhex(value) for value in rows.values_list("hash", flat=True)]


def _hex(path: list[bytes]) -> list[str]:
    return [node.hex() for node in path]
