"""What a store promises, whatever it is made of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO, Protocol

from cases.errors import StoreError
from cases.hashing import Digests

SHA256_HEX = re.compile(r"[0-9a-f]{64}")
KEY = re.compile(r"([0-9a-z-]+/)*[0-9a-f]{2}/[0-9a-f]{64}")


class Store(Protocol):
    """Content-addressed and write-once: a key names its own SHA-256 and is never rewritten."""

    def put(self, path: Path, sha256: str, folder: str = "", *, final: bool = False) -> str:
        """Store the file's bytes and read them back; the key under which they are kept.

        ``final``: nobody will write to the file again, so it may become the stored one without a
        copy. The caller removes its own name of it.
        Putting the same content again changes nothing that is stored.
        Raises StoreError ``mismatch`` when what is stored does not have this hash.
        """

    def path(self, key: str) -> Path:
        """A local file with the stored bytes, for reading only. Raises StoreError ``missing``."""

    def open(self, key: str) -> BinaryIO:
        """The stored bytes for reading. Raises StoreError ``missing``."""

    def digests(self, key: str) -> Digests:
        """Hashes of the bytes as they are in the store now. Raises StoreError ``missing``."""

    def exists(self, key: str) -> bool:
        """Whether something is stored under the key."""

    def remove(self, key: str) -> None:
        """Destroy the stored bytes. Raises StoreError ``missing`` or ``locked``."""


def object_key(sha256: str, folder: str = "") -> str:
    """``folder/ab/abcdef...``: the place of content with this hash."""
    if not SHA256_HEX.fullmatch(sha256):
        raise StoreError("mismatch", f"{sha256!r} is not a SHA-256 in lower-case hex.")
    key = f"{sha256[:2]}/{sha256}"
    return check_key(f"{folder}/{key}" if folder else key)


def check_key(key: str) -> str:
    """``key``, if it has the shape the stores give out. A key never comes from outside."""
    if not KEY.fullmatch(key):
        raise StoreError("missing", f"{key!r} is not a storage key.")
    return key


def missing(key: str) -> StoreError:
    """The error for bytes that are not there."""
    return StoreError("missing", f"Nothing is stored under {key}. Restore it from the backup.")


def check_stored(key: str, found: Digests, expected: str) -> None:
    """StoreError ``mismatch`` unless ``found`` is the expected hash."""
    if found.sha256 != expected:
        raise StoreError(
            "mismatch",
            f"What is stored under {key} has SHA-256 {found.sha256}. The storage is damaged or was "
            "changed: check the disk, then upload again.",
        )
