"""Decode a file in a confined child process; its crash is a ``MediaError``, never ours.

The child is started fresh (fork and exec), so it may be called from a process that uses CUDA.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

from ml.errors import MediaCode, MediaError
from ml.media.decoded import Decoded
from ml.media.exchange import read_decoded
from ml.media.plan import DecodePlan
from ml.media.source import above_standard, opened_file

_ROOT = Path(__file__).parents[2]
_SIGNALS = {signal.SIGXCPU: "its processor-time limit", signal.SIGXFSZ: "its output limit"}


def decode_sandboxed(path: Path, plan: DecodePlan) -> Decoded:
    """Decode ``path`` in a child. Raises ``MediaError`` with any of its codes."""
    with opened_file(path) as source:
        return decode_descriptor(source, plan)


def decode_descriptor(source: int, plan: DecodePlan) -> Decoded:
    """As ``decode_sandboxed``, of a file that is open already."""
    return run_child([sys.executable, "-m", "ml.media.sandbox_child"], source, plan)


def run_child(command: list[str], source: int, plan: DecodePlan) -> Decoded:
    """Run ``command`` with the two descriptors and the plan; read its answer."""
    memory = _shared_memory()
    try:
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                [*command, str(source), str(memory), json.dumps(plan.to_dict())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                pass_fds=(source, memory),
                env=child_environment(),
                cwd="/",
                start_new_session=True,
            )
            status = _wait(process, plan.limits.wall_s)
            if status != 0:
                raise crash_error(status, errors)
        return read_decoded(memory)
    finally:
        os.close(memory)


def child_environment() -> dict[str, str]:
    """Nothing of ours but what Python needs: secrets in the environment stay here."""
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(_ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "LANG": "C.UTF-8",
    }


def _shared_memory() -> int:
    """A descriptor of memory without a name; an unlinked file where memfd is unknown."""
    if hasattr(os, "memfd_create"):
        return above_standard(os.memfd_create("decoded"))
    with tempfile.TemporaryFile() as file:
        return above_standard(os.dup(file.fileno()))


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise MediaError(
            MediaCode.TIMEOUT,
            f"Decoding took longer than {seconds:g} s and was stopped. Send a shorter part.",
        ) from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def crash_error(status: int, errors: IO[bytes]) -> MediaError:
    """What became of a child that ended with ``status``, with its last words."""
    if -status in _SIGNALS:
        return MediaError(
            MediaCode.TOO_LARGE, f"The decoder reached {_SIGNALS[signal.Signals(-status)]}."
        )
    errors.seek(0, os.SEEK_END)
    errors.seek(max(0, errors.tell() - 400))
    last = errors.read().decode(errors="replace").strip().splitlines()[-1:]
    how = f"signal {-status}" if status < 0 else f"status {status}"
    detail = f": {last[0]}" if last else ""
    return MediaError(
        MediaCode.DECODER_CRASHED,
        f"The decoder crashed on this file ({how}{detail}). The file is damaged or made to "
        "break decoders; nothing else was affected.",
    )
