"""Scores that were computed once are not computed again: a stopped evaluation goes on where it
was, and a second one only scores what changed.

A score is known by its recipe (which network with which weights and preprocessing) and by the
hash of what was scored. The file lies outside the repository; losing it costs time only.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ml.branches.base import Branch
from ml.weights.registry import WeightRegistry

_WAIT_S = 60.0
_AT_ONCE = 32


def default_path() -> Path:
    """``$XDG_CACHE_HOME/dfd-platform/scores.sqlite``, under ``~/.cache`` without it."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "dfd-platform" / "scores.sqlite"


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes. Raises FileNotFoundError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def recipe(branch: Branch, registry: WeightRegistry, how: str) -> str:
    """What a score of ``branch`` depends on besides the recording: ``how`` names the way the
    recording is cut and shown to it."""
    entry = registry.entry(branch.weights)
    fed = json.dumps(entry.preprocessing, sort_keys=True)
    return f"{branch.name} {branch.version} {entry.sha256} {fed} {how}"


class ScoreStore:
    """Values (plain JSON) by recipe and digest. ``path`` None keeps them in memory; ``fresh``
    does not believe what earlier runs left."""

    def __init__(self, path: Path | None = None, *, fresh: bool = False) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._base = sqlite3.connect(path or ":memory:", timeout=_WAIT_S, isolation_level=None)
        self._base.execute(
            "CREATE TABLE IF NOT EXISTS score (recipe TEXT, item TEXT, value TEXT, made REAL, "
            "PRIMARY KEY (recipe, item))"
        )
        self._since = time.time() if fresh else 0.0

    def known(self, recipe: str) -> dict[str, Any]:
        """Every value of ``recipe`` by digest."""
        found = self._base.execute(
            "SELECT item, value FROM score WHERE recipe = ? AND made >= ?", (recipe, self._since)
        )
        return {item: json.loads(value) for item, value in found}

    def keep(self, recipe: str, values: Iterable[tuple[str, Any]]) -> None:
        """Store (digest, value) pairs at once."""
        now = time.time()
        rows = [(recipe, item, json.dumps(value), now) for item, value in values]
        self._base.execute("BEGIN IMMEDIATE")
        self._base.executemany("INSERT OR REPLACE INTO score VALUES (?, ?, ?, ?)", rows)
        self._base.execute("COMMIT")

    def values(
        self,
        recipe: str,
        items: Sequence[str],
        compute: Callable[[Sequence[int]], Iterable[Any]],
        words: str,
    ) -> list[Any]:
        """The value of each digest; ``compute`` makes those of the given places that are not
        known, a few at a time, each kept before the next is begun."""
        known = self.known(recipe)
        missing = [place for place, item in enumerate(items) if item not in known]
        with tqdm(total=len(items), initial=len(items) - len(missing), desc=words) as bar:
            for start in range(0, len(missing), _AT_ONCE):
                places = missing[start : start + _AT_ONCE]
                made = [(items[k], v) for k, v in zip(places, compute(places), strict=True)]
                self.keep(recipe, made)
                known |= dict(made)
                bar.update(len(places))
        return [known[item] for item in items]
