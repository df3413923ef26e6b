"""Copies of checkpoints outside the database, where its administrator cannot rewrite them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from django.conf import settings


def keep_copy(name: str, text: str) -> Path:
    """Write ``text`` once as read-only ``name`` in the checkpoint folder; OSError when it fails.

    A copy that exists already is left as it is.
    """
    folder: Path = settings.DFD.checkpoint_dir
    path = folder / name
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=folder, prefix=".draft-")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    Path(draft).chmod(0o444)
    Path(draft).replace(path)
    return path


def checkpoint_copies() -> dict[str, str]:
    """The kept checkpoint notes by file name, oldest first."""
    folder: Path = settings.DFD.checkpoint_dir
    paths = sorted(folder.glob("checkpoint-*.txt"))
    return {path.name: path.read_text(encoding="utf-8") for path in paths}
