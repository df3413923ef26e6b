"""Stopping the main thread from outside, and only inside the block."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time

import pytest

from detection.interruption import SIGNAL, Interruptible, Interruption, Pulse, Reason


def swallow_errors() -> None:
    """What a detector does with an error of a branch."""
    while True:
        with contextlib.suppress(Exception):
            time.sleep(30)


def test_another_thread_stops_a_computation_that_swallows_errors() -> None:
    block = Interruptible(limit_s=60)
    timer = threading.Timer(0.1, block.interrupt, args=[Reason.SUPERSEDED])
    timer.start()
    with pytest.raises(Interruption) as stopped, block:
        swallow_errors()
    assert stopped.value.reason == Reason.SUPERSEDED


def test_the_time_limit_stops_it() -> None:
    block = Interruptible(limit_s=0)
    threading.Timer(0.1, block.check_time).start()
    with pytest.raises(Interruption) as stopped, block:
        swallow_errors()
    assert stopped.value.reason == Reason.TIME_LIMIT


def test_after_the_block_nothing_is_raised() -> None:
    before = signal.getsignal(SIGNAL)
    with Interruptible(limit_s=60) as block:
        pass
    block.interrupt(Reason.STOPPING)
    assert signal.getsignal(SIGNAL) == before
    assert Interruptible.current is None


def test_a_signal_without_a_reason_is_ignored() -> None:
    with Interruptible(limit_s=60):
        os.kill(os.getpid(), SIGNAL)
        time.sleep(0.01)


def test_a_beat_that_fails_does_not_stop_the_pulse() -> None:
    beats = threading.Semaphore(0)

    def beat() -> None:
        beats.release()
        raise OSError("Redis is away")

    with Pulse(0.01, beat):
        assert beats.acquire(timeout=10)
        assert beats.acquire(timeout=10)
