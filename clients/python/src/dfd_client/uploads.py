"""Resumable uploads (tus 1.0): pieces with a checksum each, continued where the line broke.

With ``state`` (a folder) an upload also survives the end of this program: the same file to the same
case goes on where it was.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from dfd_client import operations
from dfd_client.calls import API, Call, Pause, Steps, send
from dfd_client.errors import Conflict, DfdError, NotFound, ProblemError, Unreachable
from dfd_client.types import Exhibit

PIECE = 8 * 1024 * 1024
TUS = {"Tus-Resumable": "1.0.0"}
# Tries without a byte of progress.
PATIENCE = 5
GONE, LOCKED, CHECKSUM = 410, 423, 460
ACQUISITION = ("source", "collector", "authority", "method", "acquired_at")

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class File:
    """A file with its hash, read once before it is sent."""

    path: Path
    name: str
    size: int
    sha256: str

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> File:
        with Path(path).open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            return cls(Path(path), Path(path).name, os.fstat(stream.fileno()).st_size, digest)

    def piece(self, offset: int) -> bytes:
        with self.path.open("rb") as stream:
            stream.seek(offset)
            return stream.read(PIECE)


def upload(
    path: str | os.PathLike[str],
    case_id: str,
    *,
    acquisition: dict[str, str] | None = None,
    progress: Progress | None = None,
    state: Path | None = None,
) -> Steps[Exhibit]:
    """Send a file into evidence and return its exhibit, whose hash is that of the file here."""
    file = File.read(path)
    memory = _Memory(state, f"{case_id}:{file.sha256}:{file.size}")
    address = memory.recall()
    offset = (yield from _offset(address)) if address else None
    if address is None or offset is None:
        address = yield from _start(file, case_id, acquisition or {})
        offset = 0
        memory.keep(address)
    exhibit_id = yield from _send_rest(file, address, offset, progress or (lambda _sent, _of: None))
    memory.forget()
    return (yield from operations.exhibit(exhibit_id))


def _start(file: File, case_id: str, acquisition: dict[str, str]) -> Steps[str]:
    unknown = set(acquisition) - set(ACQUISITION)
    if unknown:
        raise ValueError(f"unknown acquisition fields: {', '.join(sorted(unknown))}")
    stated = {"case": case_id, "filename": file.name, "sha256": file.sha256, **acquisition}
    pairs = [f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in stated.items()]
    headers = {
        **TUS,
        "Upload-Length": str(file.size),
        "Upload-Metadata": ",".join(pairs),
    }
    response = yield from send(Call("POST", f"{API}/uploads/", headers=headers))
    return httpx.URL(response.headers["Location"]).path


def _offset(address: str) -> Steps[int | None]:
    """How far the upload is; None when it is over."""
    try:
        response = yield from send(Call("HEAD", address, headers=TUS))
    except NotFound:
        return None
    except ProblemError as problem:
        if problem.status == GONE:
            return None
        raise
    return int(response.headers["Upload-Offset"])


def _send_rest(file: File, address: str, offset: int, progress: Progress) -> Steps[str]:
    """Send everything from ``offset`` on; the id of the exhibit."""
    idle = 0
    while True:
        progress(offset, file.size)
        response = yield from _send_piece(file, address, offset)
        if response is not None and "DFD-Exhibit" in response.headers:
            progress(file.size, file.size)
            return str(response.headers["DFD-Exhibit"])
        reached = yield from _offset(address)
        if reached is None:
            raise DfdError("The platform has dropped this upload; start it again.")
        idle = 0 if reached > offset else idle + 1
        if idle > PATIENCE:
            raise Unreachable(f"the upload does not get beyond byte {offset}")
        if idle:
            yield Pause(0.5 * 2.0**idle)
        offset = reached


def _send_piece(file: File, address: str, offset: int) -> Steps[httpx.Response | None]:
    """Send one piece; None when the line broke or the piece must be sent again."""
    piece = file.piece(offset)
    digest = base64.b64encode(hashlib.sha256(piece).digest()).decode()
    headers = {
        **TUS,
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": str(offset),
        "Upload-Checksum": f"sha256 {digest}",
    }
    if not piece:
        # Everything is there, only the finishing was cut short: asking makes it go on.
        return (yield from send(Call("HEAD", address, headers=TUS)))
    try:
        return (yield from send(Call("PATCH", address, content=piece, headers=headers)))
    except (Unreachable, Conflict):
        return None
    except ProblemError as problem:
        if problem.status in (LOCKED, CHECKSUM):
            return None
        raise


class _Memory:
    """The address of an unfinished upload, in a file of the state folder."""

    def __init__(self, folder: Path | None, name: str) -> None:
        digest = hashlib.sha256(name.encode()).hexdigest()
        self._file = folder / f"upload-{digest[:32]}.json" if folder else None

    def recall(self) -> str | None:
        if self._file is None:
            return None
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError):
            return str(json.loads(self._file.read_text())["address"])
        return None

    def keep(self, address: str) -> None:
        if self._file is not None:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file.write_text(json.dumps({"address": address}))

    def forget(self) -> None:
        if self._file is not None:
            self._file.unlink(missing_ok=True)
