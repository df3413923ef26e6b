"""Arrays that are made once, kept with what they were made of, and never used for anything else."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.training.engine import ConfigError

ORIGIN = "origin"
Arrays = Mapping[str, NDArray[np.generic]]


def origin(*parts: object) -> str:
    """A digest of what something is made of: settings and names as they are written, a file
    (``Path``) by its content. Raises FileNotFoundError."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(content(part) if isinstance(part, Path) else repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def content(path: Path) -> bytes:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def require_origin(cache: Path, found: str, wanted: str) -> None:
    """Raises ConfigError unless ``cache`` was made of what is wanted."""
    if found != wanted:
        raise ConfigError(f"{cache} is of other data, settings or weights; delete it")


def remembered(cache: Path, wanted: str, make: Callable[[], Arrays]) -> Arrays:
    """The arrays of ``make``, made once and kept in ``cache`` (npz) with the origin ``wanted``.
    Raises ConfigError when the cache has another origin."""
    if not cache.exists():
        arrays = make()
        cache.parent.mkdir(parents=True, exist_ok=True)
        part = cache.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, allow_pickle=False, **{ORIGIN: np.array(wanted), **arrays})
        os.replace(part, cache)
    with np.load(cache) as file:
        require_origin(cache, str(file[ORIGIN]) if ORIGIN in file else "", wanted)
        return {name: file[name] for name in file if name != ORIGIN}
