"""Pictures and sound of a running source (file, webcam, RTSP), window by window.

A file is decoded in a confined child (``ml.media.live_child``). A camera cannot be handed to one
and is decoded in this process: only point it at cameras you trust.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import av
import av.container
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from ml.errors import MediaCode, MediaError, ParameterError
from ml.media.live_sandbox import LiveWindow, confined_windows
from ml.media.plan import DecodePlan
from ml.media.prepared import SAMPLE_RATE, Frame

SHORTEST_S, LONGEST_S = 0.1, 600.0
_OPEN_TIMEOUT_S = 10.0
_PLAN = DecodePlan()


class _Thinned:
    """At most ``most`` evenly spaced pictures of a window of any length: twice as many are held,
    and every second one is dropped whenever there are more."""

    def __init__(self, most: int) -> None:
        self._most, self._step, self._seen = most, 1, 0
        self._held: list[Frame] = []

    def add(self, index: int, t: float, frame: av.VideoFrame) -> None:
        """Keep the picture when it is its turn; those passed over are not converted."""
        if self._seen % self._step == 0:
            self._held.append(Frame(index, t, _upright(frame, 2 * self._most)))
        self._seen += 1
        if len(self._held) > 2 * self._most:
            self._held, self._step = self._held[::2], 2 * self._step

    def taken(self) -> tuple[Frame, ...]:
        """The pictures of the window; the next one begins empty."""
        stride = max(1, -(-len(self._held) // self._most))
        pictures = tuple(self._held[::stride])
        self._held, self._step, self._seen = [], 1, 0
        return pictures


def live_windows(source: str, window_s: float, frames: int) -> Iterator[LiveWindow]:
    """Windows of ``window_s`` seconds with at most ``frames`` pictures until the source ends.

    ``source`` is a webcam number, a file or an rtsp:// address. Raises ``MediaError``
    (no_streams, unsupported) when it cannot be opened, ``ParameterError(window)``.
    """
    check_window(window_s)
    if os.path.isfile(source):
        yield from confined_windows(Path(source), window_s, frames)
        return
    with _open(source) as container:
        if not container.streams.video and not container.streams.audio:
            raise MediaError(MediaCode.NO_STREAMS, f"{source} has neither picture nor sound.")
        yield from cut_windows(container, window_s, frames)


def check_window(seconds: float) -> None:
    """Raises ``ParameterError(window)`` for a length no verdict can be given on."""
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise ParameterError(
            "window", f"window must be a number of seconds from {SHORTEST_S:g} to {LONGEST_S:g}."
        )


def _open(source: str) -> av.container.InputContainer:
    try:
        if source.isdecimal():
            return av.open(f"/dev/video{source}", format="v4l2", timeout=_OPEN_TIMEOUT_S)
        options = {"rtsp_transport": "tcp"} if source.startswith("rtsp") else {}
        return av.open(source, options=options, timeout=_OPEN_TIMEOUT_S)
    except (FFmpegError, ValueError) as error:
        raise MediaError(
            MediaCode.UNSUPPORTED,
            f"The source {source} cannot be opened: {error}. Give a webcam number, a file or an "
            "rtsp:// address.",
        ) from error


def cut_windows(
    container: av.container.InputContainer, window_s: float, frames: int
) -> Iterator[LiveWindow]:
    """Windows of an open source, on the clock of its first frame."""
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=SAMPLE_RATE)
    pictures, last_picture = _Thinned(frames), 0.0
    sounds: list[NDArray[np.float32]] = []
    start, index, opened = 0.0, 0, time.monotonic()
    first: float | None = None
    for frame in _decoded(container):
        moment = time.monotonic() - opened if frame.time is None else float(frame.time)
        first = moment if first is None else first
        t = moment - first
        if t >= start + window_s:
            yield LiveWindow(start, start + window_s, pictures.taken(), _joined(sounds))
            sounds = []
            start += window_s * int((t - start) // window_s)
        if isinstance(frame, av.VideoFrame):
            pictures.add(index, t, frame)
            index, last_picture = index + 1, t
        else:
            sounds += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
    shown, heard = pictures.taken(), _joined(sounds)
    if shown or heard is not None:
        end = start + (0.0 if heard is None else heard.size / SAMPLE_RATE)
        yield LiveWindow(start, max(last_picture, end), shown, heard)


def _joined(sounds: list[NDArray[np.float32]]) -> NDArray[np.float32] | None:
    return np.concatenate(sounds) if sounds else None


def _decoded(container: av.container.InputContainer) -> Iterator[av.VideoFrame | av.AudioFrame]:
    """Frames in the order they arrive; broken packets are left out."""
    streams = [*container.streams.video[:1], *container.streams.audio[:1]]
    packets = container.demux(streams)
    while True:
        try:
            packet = next(packets)
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame | av.AudioFrame):
                    yield frame
        except StopIteration:
            return
        except FFmpegError as error:
            if isinstance(error, av.error.EOFError):
                return


def _upright(frame: av.VideoFrame, together: int) -> NDArray[np.uint8]:
    """RGB, turned upright; ``together`` such pictures fit into the memory cap."""
    area = _PLAN.limits.frame_bytes / 3 / together
    long, short = max(frame.width, frame.height), min(frame.width, frame.height)
    scale = min(1.0, _PLAN.frame_side / long, (area / (long * short)) ** 0.5)
    if scale < 1.0:
        width, height = (max(1, int(side * scale)) for side in (frame.width, frame.height))
        rgb = frame.to_ndarray(
            format="rgb24", width=width, height=height, interpolation=Interpolation.AREA
        )
    else:
        rgb = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(rgb, round(frame.rotation / 90)), np.uint8)
