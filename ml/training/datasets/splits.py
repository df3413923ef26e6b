"""Splits for sets that come without one: groups stay together, and always fall the same way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from ml.training.datasets.records import Record

SHARES = {"train": 0.70, "dev": 0.15, "test": 0.15}


def with_splits(records: Iterable[Record]) -> list[Record]:
    """``records`` with train, dev or test (70, 15, 15 % of the groups) where there was none."""
    return [r if r.split else replace(r, split=split_of(r.group)) for r in records]


def split_of(group: str) -> str:
    """Where a group falls; depends on its name alone."""
    place = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2**64
    for split, share in SHARES.items():
        if place < share:
            return split
        place -= share
    return "test"
