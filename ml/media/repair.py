"""Ways to make a broken container readable, mildest first: cut leading junk, re-mux, transcode.

Everything happens in memory; the file on disk is never touched.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, BinaryIO

import av
import av.container
from av.error import FFmpegError

from ml.errors import MediaError
from ml.media.container import audio_stream, opened, video_stream
from ml.media.plan import Limits

_SEARCH = 1 << 20
_MAGICS = (b"\x1aE\xdf\xa3", b"OggS", b"fLaC", b"FLV\x01", b"0&\xb2u\x8ef\xcf\x11")
Encode = Callable[[Any], Any]
_FAILURES = (FFmpegError, MediaError, ValueError, OverflowError, MemoryError)


def repairs(stream: BinaryIO, limits: Limits) -> Iterator[tuple[BinaryIO, str]]:
    """Candidates with what was done, in words. Every candidate is independent."""
    stream.seek(0)
    content = stream.read()
    start = _embedded_start(content)
    if start:
        content = content[start:]
        yield io.BytesIO(content), f"repaired: {start} bytes before the container left out"
    for repair, words in (
        (_remux, "repaired: streams copied into a new container"),
        (_transcode, "repaired: transcoded to H.264 and AAC"),
    ):
        try:
            yield repair(io.BytesIO(content), limits), words
        except _FAILURES:
            continue


def _embedded_start(content: bytes) -> int:
    """Offset of the first container signature behind leading junk, 0 when there is none."""
    head = content[:_SEARCH]
    places = [head.find(magic) for magic in _MAGICS]
    box = head.find(b"ftyp")
    places.append(box - 4 if box >= 4 else -1)
    riff = head.find(b"RIFF")
    places.append(riff if head[riff + 8 : riff + 12] in (b"WAVE", b"AVI ") else -1)
    return min((place for place in places if place > 0), default=0)


def _remux(source: BinaryIO, limits: Limits) -> BinaryIO:
    """Copy the packets into Matroska, which stores times and index afresh."""
    target = io.BytesIO()
    with (
        opened(source, limits, tolerant=True) as container,
        av.open(target, "w", format="matroska") as output,
    ):
        copies = {
            stream.index: output.add_stream_from_template(stream)
            for stream in (video_stream(container), audio_stream(container))
            if stream is not None
        }
        try:
            for packet in container.demux():
                if packet.size and packet.stream.index in copies:
                    packet.stream = copies[packet.stream.index]
                    output.mux(packet)
        except FFmpegError:
            if not target.tell():
                raise
    target.seek(0)
    return target


def _transcode(source: BinaryIO, limits: Limits) -> BinaryIO:
    """Decode what can be decoded and encode it again as H.264 and AAC in Matroska."""
    target = io.BytesIO()
    with (
        opened(source, limits, tolerant=True) as container,
        av.open(target, "w", format="matroska") as output,
    ):
        video, audio = video_stream(container), audio_stream(container)
        encoders: dict[int, Encode] = {}
        if video is not None:
            rate = video.average_rate or Fraction(25)
            picture = output.add_stream("libx264", rate=rate, options={"preset": "ultrafast"})
            picture.width = video.codec_context.width // 2 * 2
            picture.height = video.codec_context.height // 2 * 2
            picture.pix_fmt = "yuv420p"
            encoders[video.index] = picture.encode
        if audio is not None:
            sound = output.add_stream("aac", rate=audio.codec_context.sample_rate)
            encoders[audio.index] = sound.encode
        _reencode(container, output, encoders)
    target.seek(0)
    return target


def _reencode(
    container: av.container.InputContainer,
    output: av.container.OutputContainer,
    encoders: dict[int, Encode],
) -> None:
    packets = container.demux()
    while True:
        try:
            packet = next(packets)
            frames = packet.decode() if packet.stream.index in encoders else []
        except StopIteration:
            break
        except FFmpegError:
            continue
        for frame in frames:
            output.mux(encoders[packet.stream.index](frame))
    for encode in encoders.values():
        output.mux(encode(None))
