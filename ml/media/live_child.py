"""The confined process that plays one file: ``python -m ml.media.live_child``.

Arguments: descriptor of the file, the request as JSON. Windows go to standard output as
``ml.media.live_sandbox`` describes. The limits are applied before the parsers are imported.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ml.media.confinement import confine

if TYPE_CHECKING:
    from ml.media.decoded import Decoded
    from ml.media.live_sandbox import LiveWindow

_PIECE = 1 << 20


def main(arguments: list[str]) -> int:
    """Play to the end; the exit status is 0 when the last window, or the refusal, was sent."""
    source, request = int(arguments[0]), json.loads(arguments[1])
    limits = request["limits"]
    confine(limits["address_space_bytes"], limits["cpu_s"], limits["output_bytes"])

    from ml.errors import MediaCode, MediaError
    from ml.media.container import opened
    from ml.media.exchange import write_decoded, write_error
    from ml.media.live import cut_windows
    from ml.media.plan import Limits
    from ml.media.still import refuse_still

    try:
        with os.fdopen(source, "rb") as stream:
            refuse_still(stream)
            with opened(stream, Limits(**limits)) as container:
                for window in cut_windows(container, request["window_s"], request["frames"]):
                    fill = partial(write_decoded, decoded=_as_decoded(window))
                    _send(window.start, window.end, fill)
    except MediaError as refusal:
        _send(0.0, 0.0, partial(write_error, error=refusal))
    except MemoryError:
        words = "One window of this file needs more memory than allowed. Choose a shorter window."
        full = MediaError(MediaCode.TOO_LARGE, words)
        _send(0.0, 0.0, partial(write_error, error=full))
    return 0


def _as_decoded(window: LiveWindow) -> Decoded:
    from ml.media.decoded import Decoded
    from ml.result import MediaFacts, MediaKind

    return Decoded(
        kind=MediaKind.VIDEO,
        facts=MediaFacts(container="live source"),
        frames=window.frames,
        waveform=window.waveform,
    )


def _send(start: float, end: float, fill: Callable[[int], None]) -> None:
    """One window: the header, then what ``fill`` writes into shared memory."""
    from ml.media.live_sandbox import HEADER

    memory = os.memfd_create("window")
    try:
        fill(memory)
        length = os.fstat(memory).st_size
        sys.stdout.buffer.write(HEADER.pack(length, start, end))
        for offset in range(0, length, _PIECE):
            sys.stdout.buffer.write(os.pread(memory, _PIECE, offset))
        sys.stdout.buffer.flush()
    finally:
        os.close(memory)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
