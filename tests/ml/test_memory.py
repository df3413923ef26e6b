"""Large blocks that are freed and asked for again come without new pages from the kernel."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import resource, sys
from ml.memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
for _ in range(10):
    bytearray(b"x") * (64 * 1024**2)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


def page_faults(how: str) -> int:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True
    )
    return int(run.stdout)


def test_blocks_are_reused() -> None:
    pages_of_nine_blocks = 9 * 64 * 1024**2 // 4096
    assert page_faults("default") - page_faults("keep") > pages_of_nine_blocks / 2
