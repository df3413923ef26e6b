"""Scoped control of torch's processor threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


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
