"""Scoped control of torch's processor threads, and of ours."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_turn = threading.RLock()


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Networks run on one recording at a time: the state of the voice detector, torch's seed and
    its number of threads belong to the whole process. Other threads wait."""
    with _turn:
        yield


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Run the body with ``count`` threads and restore the number afterwards.

    Networks of many tiny operations (MTCNN, voice activity) are faster on one thread, several
    times so when other processes want the same cores.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _in_forked_child() -> None:
    """The parent's other threads, torch's helpers among them, do not exist in a fork: waiting for
    one would never end."""
    global _turn
    _turn = threading.RLock()
    torch.set_num_threads(1)


os.register_at_fork(after_in_child=_in_forked_child)
