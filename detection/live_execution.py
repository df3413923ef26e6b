"""A worker's part of the live check: one clip, decoded in the sandbox, examined, forgotten."""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import structlog
from django.conf import settings

from detection import live
from detection.engine import resident
from detection.interruption import Interruptible, Interruption, Pulse, Reason
from ml.errors import MlError
from ml.result import AnalysisResult

logger = structlog.get_logger(__name__)

LIMIT_S = 150
WORDS = {
    Reason.TIME_LIMIT: "The worker took too long for this window: it is too busy or too slow for a "
    "live check. Record, save and analyse instead.",
    Reason.STOPPING: "The worker was stopped before it was done. Go on in a moment.",
}
# A window is short: few frames answer sooner and say as much.
PARAMETERS = {"max_frames": 8}


def examine(user_id: int, session: uuid.UUID, number: int) -> str:
    """Examine one window of a session and store its words; returns its state."""
    taken = live.take(user_id, session, number)
    if taken is None:
        return live.LOST
    window, clip = taken
    started = time.monotonic()
    done = _examined(window, clip)
    done = replace(done, seconds=round(time.monotonic() - started, 2))
    live.store(user_id, session, done)
    return done.state


def _examined(window: live.Window, clip: bytes) -> live.Window:
    try:
        return _with_result(window, _analyse(clip))
    except Interruption as interruption:
        return replace(window, state=live.FAILED, error=WORDS[interruption.reason])
    except MlError as error:
        return replace(window, state=live.FAILED, error=error.message)
    except MemoryError:
        return replace(
            window,
            state=live.FAILED,
            error="The worker ran out of memory. Close other programs on it or choose a smaller "
            "picture.",
        )
    except Exception as error:
        logger.exception("live_window_crashed")
        return replace(
            window,
            state=live.FAILED,
            error=f"The examination stopped on an unexpected error ({type(error).__name__}).",
        )


def _analyse(clip: bytes) -> AnalysisResult:
    with (
        Interruptible(LIMIT_S) as block,
        Pulse(settings.DFD.heartbeat_s, block.check_time),
        _nameless_file(clip) as path,
    ):
        outcome = resident().analyze(
            path,
            profile=settings.DFD.profile,
            parameters=PARAMETERS,
            on_progress=lambda _stage, _fraction: None,
        )
    return outcome.result


@contextmanager
def _nameless_file(clip: bytes) -> Iterator[Path]:
    """The clip as a file without a name, in memory where the system can: it ends with us."""
    if hasattr(os, "memfd_create"):
        file = os.fdopen(os.memfd_create("live-window"), "w+b")
    else:
        file = tempfile.TemporaryFile()  # noqa: SIM115  (closed below)
    with file:
        file.write(clip)
        file.flush()
        yield Path(f"/dev/fd/{file.fileno()}")


def _with_result(window: live.Window, result: AnalysisResult) -> live.Window:
    decision = result.decision
    spoken = [gate.value for gate in result.quality if gate.name == "speech"]
    return replace(
        window,
        state=live.DONE,
        verdict=str(decision.verdict),
        log10_lr=decision.log10_lr,
        probability=decision.probability,
        reason=decision.reason,
        faces=len({face.track for face in result.faces}) if result.media.video else None,
        speech_s=spoken[0] if spoken else None,
    )
