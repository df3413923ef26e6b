"""SHA-256 and SHA-512 of bytes, and on receipt MD5 and SHA-1 beside them, in one pass."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Digests:
    """Both hashes in lower-case hex, and the number of bytes they cover."""

    sha256: str
    sha512: str
    size: int


@dataclass(frozen=True)
class LookupHashes:
    """For look-up in old hash sets only. Both are broken: they say nothing about integrity."""

    md5: str
    sha1: str


class Hasher:
    """Collects bytes for ``Digests``."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._sha512 = hashlib.sha512()
        self.size = 0

    def update(self, chunk: bytes) -> None:
        self._sha256.update(chunk)
        self._sha512.update(chunk)
        self.size += len(chunk)

    def digests(self) -> Digests:
        return Digests(self._sha256.hexdigest(), self._sha512.hexdigest(), self.size)


class ReceivingHasher(Hasher):
    """Collects bytes that are being received for ``LookupHashes`` too; checks do not pay for it."""

    def __init__(self) -> None:
        super().__init__()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha1 = hashlib.sha1(usedforsecurity=False)

    def update(self, chunk: bytes) -> None:
        super().update(chunk)
        self._md5.update(chunk)
        self._sha1.update(chunk)

    def lookup_hashes(self) -> LookupHashes:
        return LookupHashes(self._md5.hexdigest(), self._sha1.hexdigest())


def hash_chunks(chunks: Iterable[bytes], hasher: Hasher | None = None) -> Digests:
    """Digests of the chunks put together, collected by ``hasher`` or a new one."""
    hasher = hasher or Hasher()
    for chunk in chunks:
        hasher.update(chunk)
    return hasher.digests()


def hash_file(path: Path, hasher: Hasher | None = None) -> Digests:
    """Digests of the file as it is on the disk, collected by ``hasher`` or a new one.

    The kernel is asked to drop what it remembers of the file first, so that this reads what was
    stored rather than what was sent. Raises FileNotFoundError.
    """
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return hash_chunks(read_chunks(file), hasher)


def read_chunks(file: BinaryIO) -> Iterator[bytes]:
    """The rest of ``file`` in chunks of at most 1 MiB."""
    while chunk := file.read(CHUNK):
        yield chunk
