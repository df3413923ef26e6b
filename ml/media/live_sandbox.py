"""Windows of a file that plays like a live source, decoded in a confined child.

The child sends each window through a pipe and waits while nobody reads: a header (kind, length,
start and end in seconds), then what ``ml.media.exchange`` writes.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from ml.media.decoded import Decoded
from ml.media.exchange import read_decoded
from ml.media.plan import Limits
from ml.media.prepared import Frame
from ml.media.sandbox import child_environment, crash_error
from ml.media.source import opened_file

HEADER = struct.Struct("<Qdd")
# A file of hours is decoded little by little: more processor time than one analysis may take.
LIMITS = replace(Limits(), cpu_s=4 * 3600)
_COMMAND = (sys.executable, "-m", "ml.media.live_child")


@dataclass(frozen=True)
class LiveWindow:
    """``start`` .. ``end`` seconds since the source was opened; ``frames`` evenly thinned,
    ``waveform`` (N,) float32 mono 16 kHz or None."""

    start: float
    end: float
    frames: tuple[Frame, ...]
    waveform: NDArray[np.float32] | None


def confined_windows(
    path: Path, window_s: float, frames: int, command: Sequence[str] = _COMMAND
) -> Iterator[LiveWindow]:
    """Windows of ``path`` until its end. Raises ``MediaError`` with any of its codes."""
    request = {"window_s": window_s, "frames": frames, "limits": asdict(LIMITS)}
    with opened_file(path) as source, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*command, str(source), json.dumps(request)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            pass_fds=(source,),
            env=child_environment(),
            cwd="/",
            start_new_session=True,
        )
        try:
            assert process.stdout is not None
            yield from _windows(process.stdout)
            if status := process.wait():
                raise crash_error(status, errors)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _windows(pipe: IO[bytes]) -> Iterator[LiveWindow]:
    while head := pipe.read(HEADER.size):
        if len(head) < HEADER.size:
            return
        length, start, end = HEADER.unpack(head)
        content = pipe.read(min(length, LIMITS.output_bytes))
        if len(content) < length:
            return
        decoded = _unpacked(content)
        yield LiveWindow(start, end, decoded.frames, decoded.waveform)


def _unpacked(content: bytes) -> Decoded:
    """The window in ``content``, checked like every answer of a child."""
    with tempfile.TemporaryFile() as memory:
        memory.write(content)
        memory.flush()
        return read_decoded(memory.fileno())
