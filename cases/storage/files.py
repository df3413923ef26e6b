"""A store in a folder of this machine."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from pathlib import Path
from typing import BinaryIO

from cases.errors import StoreError
from cases.hashing import CHUNK, Digests, hash_file
from cases.storage.base import check_key, check_stored, missing, object_key

READ_ONLY = 0o440
FOLDER_MODE = 0o750


class FileStore:
    """Files of mode 0440 named by their hash. A hard link names them: it never overwrites."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, path: Path, sha256: str, folder: str = "", *, final: bool = False) -> str:
        key = object_key(sha256, folder)
        target = self.root / key
        target.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        placed = not target.exists() and _place(path, target, final)
        try:
            check_stored(key, hash_file(target), sha256)
        except Exception:
            if placed:
                target.unlink()
            raise
        return key

    def path(self, key: str) -> Path:
        found = self.root / check_key(key)
        if not found.is_file():
            if not self.root.is_dir():
                raise StoreError(
                    "unavailable", f"The store {self.root} is not there. Is its disk mounted?"
                )
            raise missing(key)
        return found

    def open(self, key: str) -> BinaryIO:
        return self.path(key).open("rb")

    def digests(self, key: str) -> Digests:
        return hash_file(self.path(key))

    def exists(self, key: str) -> bool:
        return (self.root / check_key(key)).is_file()

    def remove(self, key: str) -> None:
        target = self.path(key)
        target.unlink()
        _sync_folder(target.parent)


def _place(source: Path, target: Path, final: bool) -> bool:
    """Give the bytes their final name; False when another process was first with the same."""
    draft = target.parent / f".incoming-{uuid.uuid4().hex}"
    try:
        if not (final and _link(source, draft)):
            _copy(source, draft)
        draft.chmod(READ_ONLY)
        os.link(draft, target)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(target.parent)
    return True


def _link(source: Path, draft: Path) -> bool:
    """Link ``source`` to ``draft``; False when they lie on different file systems."""
    try:
        os.link(source, draft)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.EMLINK):
            return False
        raise
    return True


def _copy(source: Path, draft: Path) -> None:
    with source.open("rb") as original, draft.open("xb") as copy:
        shutil.copyfileobj(original, copy, CHUNK)
        copy.flush()
        os.fsync(copy.fileno())


def _sync_folder(folder: Path) -> None:
    """Make a new or removed name survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
