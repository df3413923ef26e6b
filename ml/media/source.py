"""Open the file to analyse: once, so that what is decoded and what is hashed are the same bytes."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ml.errors import MediaCode, MediaError

# A child's own input, output and errors are 0 to 2: nothing that is handed to it may lie there.
_FIRST_FREE = 3


@contextmanager
def opened_file(path: Path) -> Iterator[int]:
    """A descriptor of the regular file at ``path``. Raises ``MediaError``: corrupt (missing,
    unreadable, not a file), empty."""
    try:
        # Not blocking: a pipe that nobody writes to would never open.
        source = above_standard(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
    except FileNotFoundError as error:
        raise MediaError(MediaCode.CORRUPT, f"There is no file {path}.") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise MediaError(
            MediaCode.CORRUPT, f"The file {path.name} cannot be opened: {why}."
        ) from error
    try:
        _check(os.fstat(source), path)
        yield source
    finally:
        os.close(source)


def above_standard(descriptor: int) -> int:
    """``descriptor``, moved above standard input, output and errors where those were closed."""
    if descriptor >= _FIRST_FREE:
        return descriptor
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE)
    finally:
        os.close(descriptor)


def _check(facts: os.stat_result, path: Path) -> None:
    if stat.S_ISDIR(facts.st_mode):
        raise MediaError(
            MediaCode.CORRUPT,
            f"{path.name or path} is a folder. Name a file, or let 'batch' analyse the folder.",
        )
    if not stat.S_ISREG(facts.st_mode):
        raise MediaError(
            MediaCode.CORRUPT,
            f"{path.name} is a pipe or a device. Store the recording and name the stored file.",
        )
    if facts.st_size == 0:
        raise MediaError(MediaCode.EMPTY, "The file is empty (0 bytes).")
