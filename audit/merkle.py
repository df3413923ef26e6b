"""RFC 6962 Merkle trees over the entry hashes of a chain: roots, frontiers, inclusion proofs.

A leaf is ``SHA-256(0x00 ‖ entry hash)``, a node ``SHA-256(0x01 ‖ left ‖ right)``. The frontier is
the list of roots of the perfect subtrees from left to right, so appending costs O(log n).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """The leaf of the 32-byte entry hash ``entry``."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The parent of two 32-byte nodes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def append(frontier: Sequence[bytes], size: int, entry: bytes) -> list[bytes]:
    """The frontier after ``entry`` joins a tree of ``size`` leaves."""
    nodes = [*frontier, leaf_hash(entry)]
    while size & 1:
        right = nodes.pop()
        nodes[-1] = node_hash(nodes[-1], right)
        size >>= 1
    return nodes


def root(frontier: Sequence[bytes]) -> bytes:
    """The tree's root from its frontier."""
    if not frontier:
        return EMPTY_ROOT
    node = frontier[-1]
    for left in reversed(frontier[:-1]):
        node = node_hash(left, node)
    return node


def frontier_of(entries: Sequence[bytes]) -> list[bytes]:
    """The frontier of a whole list of entry hashes."""
    nodes: list[bytes] = []
    for size, entry in enumerate(entries):
        nodes = append(nodes, size, entry)
    return nodes


def inclusion_proof(entries: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path (RFC 9162, 2.1.3.1) of ``entries[index]`` in the tree of all ``entries``."""
    if not 0 <= index < len(entries):
        raise ValueError(f"entry {index} is not in a tree of {len(entries)}")
    if len(entries) == 1:
        return []
    split = 1 << ((len(entries) - 1).bit_length() - 1)
    if index < split:
        return [*inclusion_proof(entries[:split], index), root(frontier_of(entries[split:]))]
    return [*inclusion_proof(entries[split:], index - split), root(frontier_of(entries[:split]))]


def root_from_proof(entry: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that ``path`` leads to from ``entry`` (RFC 9162, 2.1.3.2); ValueError if misfit."""
    if not 0 <= index < size:
        raise ValueError(f"entry {index} is not in a tree of {size}")
    node, place, last = leaf_hash(entry), index, size - 1
    for sibling in path:
        if last == 0:
            raise ValueError("the inclusion proof is too long")
        if place & 1 or place == last:
            node = node_hash(sibling, node)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        place, last = place >> 1, last >> 1
    if last:
        raise ValueError("the inclusion proof is too short")
    return node


def pack(frontier: Sequence[bytes]) -> str:
    """Hex of the frontier's nodes, one after the other."""
    return b"".join(frontier).hex()


def unpack(text: str) -> list[bytes]:
    """Inverse of ``pack``."""
    raw = bytes.fromhex(text)
    return [raw[start : start + 32] for start in range(0, len(raw), 32)]
