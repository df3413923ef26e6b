"""Writing a download: beside its place first, hashed on the way, then moved there."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import TracebackType
from typing import Self

from dfd_client.errors import HashMismatch


class Arriving:
    """A file that appears under its name only when whole and with the stated hash."""

    def __init__(self, target: Path, sha256: str) -> None:
        self._target = target
        self._sha256 = sha256
        self._draft = target.with_name(f".{target.name}.part")
        self._digest = hashlib.sha256()

    def __enter__(self) -> Self:
        self._stream = self._draft.open("wb")
        return self

    def write(self, chunk: bytes) -> None:
        self._digest.update(chunk)
        self._stream.write(chunk)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()
        if kind is not None:
            self._draft.unlink()
        elif self._digest.hexdigest() != self._sha256:
            self._draft.unlink()
            raise HashMismatch(
                f"{self._target.name}: {self._digest.hexdigest()} came, {self._sha256} was stated"
            )
        else:
            self._draft.replace(self._target)
