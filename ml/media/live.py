"""Pictures and sound of a running source (file, webcam, RTSP), window by window.

A file is decoded in a confined child (``ml.media.live_child``). A camera cannot be handed to one
and is decoded in this process: only point it at cameras you trust.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import av
import av.container
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from ml.errors import MediaCode, MediaError
from ml.media.live_sandbox import LiveWindow, confined_windows
from ml.media.prepared import SAMPLE_RATE, Frame

_OPEN_TIMEOUT_S = 10.0


def live_windows(source: str, window_s: float, frames: int) -> Iterator[LiveWindow]:
    """Windows of ``window_s`` seconds with at most ``frames`` pictures until the source ends.

    ``source`` is a webcam number, a file or an rtsp:// address. Raises ``MediaError``
    (no_streams, unsupported) when it cannot be opened.
    """
    if Path(source).is_file():
        yield from confined_windows(Path(source), window_s, frames)
        return
    with _open(source) as container:
        if not container.streams.video and not container.streams.audio:
            raise MediaError(MediaCode.NO_STREAMS, f"{source} has neither picture nor sound.")
        yield from cut_windows(container, window_s, frames)


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
    pictures: list[Frame] = []
    sounds: list[NDArray[np.float32]] = []
    start, index, opened = 0.0, 0, time.monotonic()
    first: float | None = None
    for frame in _decoded(container):
        moment = time.monotonic() - opened if frame.time is None else float(frame.time)
        first = moment if first is None else first
        t = moment - first
        if t >= start + window_s:
            yield _window(start, start + window_s, pictures, sounds, frames)
            pictures, sounds = [], []
            start += window_s * int((t - start) // window_s)
        if isinstance(frame, av.VideoFrame):
            pictures.append(Frame(index, t, _upright(frame)))
            index += 1
        else:
            sounds += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
    if pictures or sounds:
        end = max((frame.t for frame in pictures), default=start)
        heard = start + sum(piece.size for piece in sounds) / SAMPLE_RATE
        yield _window(start, max(end, heard), pictures, sounds, frames)


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


def _upright(frame: av.VideoFrame) -> NDArray[np.uint8]:
    rgb = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
    return np.ascontiguousarray(rgb, np.uint8)


def _window(
    start: float,
    end: float,
    pictures: list[Frame],
    sounds: list[NDArray[np.float32]],
    frames: int,
) -> LiveWindow:
    step = max(1, -(-len(pictures) // frames))
    waveform = np.concatenate(sounds) if sounds else None
    return LiveWindow(start, end, tuple(pictures[::step]), waveform)
