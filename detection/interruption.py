"""Stopping a computation in the main thread from outside: cancelled, too long, worker stopping.

A thread beats while the computation runs; when there is a reason to stop, it sends the process a
signal whose handler raises ``Interruption`` in the main thread, at the next Python instruction and
only between ``__enter__`` and ``__exit__``.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from types import FrameType, TracebackType
from typing import Any, ClassVar, Self

import structlog

logger = structlog.get_logger(__name__)

SIGNAL = signal.SIGUSR1


class Reason(StrEnum):
    """Why a computation was stopped."""

    SUPERSEDED = "superseded"  # cancelled, or another worker took over
    TIME_LIMIT = "time_limit"
    STOPPING = "stopping"  # the worker was asked to end


class Interruption(BaseException):
    """Raised in the main thread. Not an Exception, so that no detector swallows it as its own."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Pulse:
    """Calls ``beat`` every ``interval`` seconds in a thread until the block ends.

    What ``beat`` raises is logged; the next beat comes all the same.
    """

    def __init__(self, interval: float, beat: Callable[[], None]) -> None:
        self._interval = interval
        self._beat = beat
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="pulse")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(self._interval):
            try:
                self._beat()
            except Exception:
                logger.exception("heartbeat_failed")


class Interruptible:
    """A block of the main thread that ``interrupt`` can stop, at the latest after ``limit_s``."""

    current: ClassVar[Interruptible | None] = None

    def __init__(self, limit_s: float) -> None:
        self._deadline = time.monotonic() + limit_s
        self._reason: Reason | None = None
        self._armed = False
        self._previous: Any = None

    def __enter__(self) -> Self:
        self._previous = signal.signal(SIGNAL, self._raise)
        self._armed = True
        Interruptible.current = self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._armed = False
        Interruptible.current = None
        signal.signal(SIGNAL, self._previous)

    def interrupt(self, reason: Reason) -> None:
        """Stop the block for ``reason``; callable from any thread, the first reason counts."""
        if self._reason is None and self._armed:
            self._reason = reason
            signal.pthread_kill(threading.main_thread().ident or 0, SIGNAL)

    def check_time(self) -> None:
        """Interrupt the block when its time is up."""
        if time.monotonic() > self._deadline:
            self.interrupt(Reason.TIME_LIMIT)

    def _raise(self, _signum: int, _frame: FrameType | None) -> None:
        if self._armed and self._reason is not None:
            self._armed = False
            raise Interruption(self._reason)
