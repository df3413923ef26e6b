"""Open an audio or video container by its content and describe its streams."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import av
import av.container
from av.error import FFmpegError
from av.stream import Disposition

from ml.errors import MediaCode, MediaError
from ml.media.plan import Limits
from ml.media.still import MAX_TAG_LENGTH, MAX_TAGS

# Demuxers that parse one self-contained recording; playlists and scripts that point to other
# files or hosts (hls, concat, dash ...) are not in the list on purpose.
FORMATS = frozenset(
    {
        "aac",
        "ac3",
        "aiff",
        "amr",
        "asf",
        "au",
        "avi",
        "caf",
        "flac",
        "flv",
        "matroska,webm",
        "mov,mp4,m4a,3gp,3g2,mj2",
        "mp3",
        "mpeg",
        "mpegts",
        "ogg",
        "w64",
        "wav",
    }
)
_OPTIONS = {"format_whitelist": ",".join(sorted(FORMATS)), "protocol_whitelist": "file"}
_TOLERANT = {**_OPTIONS, "fflags": "+genpts+discardcorrupt+igndts", "err_detect": "ignore_err"}

# Demuxers that read the length from the header; the others guess it from the bit rate.
_STATED = frozenset({"avi", "flac", "flv", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "wav"})
_UNKNOWN_SIZES = (0, 0xFFFFFFFF)
_CHUNKS = 64


@dataclass(frozen=True)
class PacketScan:
    """Every packet of one stream, seen without decoding: presentation times in seconds sorted
    (empty when the container has none), indices of key frames among them, packet count, the end
    of the last packet, and whether the container ended in an error."""

    times: tuple[float, ...]
    keys: tuple[int, ...]
    count: int
    end: float | None
    broken: bool


@contextmanager
def opened(
    stream: BinaryIO, limits: Limits, *, tolerant: bool = False
) -> Iterator[av.container.InputContainer]:
    """The container in ``stream`` (rewound first). Raises ``MediaError``: unsupported, corrupt,
    no_streams, too_large (too many streams)."""
    stream.seek(0)
    try:
        container = av.open(
            stream, options=dict(_TOLERANT if tolerant else _OPTIONS), metadata_errors="replace"
        )
    except (FFmpegError, ValueError, OverflowError) as error:
        raise _open_error(stream, error) from error
    with container:
        if not isinstance(container, av.container.InputContainer):
            raise TypeError("opened for reading")
        if container.format.name not in FORMATS:
            raise MediaError(
                MediaCode.UNSUPPORTED,
                f"The content is '{container.format.name}', which is not a supported recording.",
            )
        if len(container.streams) > limits.streams:
            raise MediaError(
                MediaCode.TOO_LARGE,
                f"The file holds {len(container.streams)} streams; at most {limits.streams} "
                "are read.",
            )
        if video_stream(container) is None and audio_stream(container) is None:
            raise MediaError(
                MediaCode.NO_STREAMS, "The file holds neither an audio nor a video stream."
            )
        yield container


def _open_error(stream: BinaryIO, error: Exception) -> MediaError:
    stream.seek(0)
    head = stream.read(64)
    if b"ftyp" in head[4:8] or head[4:8] in (b"mdat", b"wide", b"free"):
        return MediaError(
            MediaCode.TRUNCATED,
            "The MP4/MOV file has no readable index (moov): it was cut off or never finished. "
            "Ask for the original recording.",
        )
    if head.startswith((b"RIFF", b"OggS", b"fLaC", b"\x1aE\xdf\xa3", b"FLV", b"ID3", b"0&\xb2u")):
        return MediaError(
            MediaCode.CORRUPT,
            f"The file starts like a recording but its header cannot be read ({error}).",
        )
    return MediaError(
        MediaCode.UNSUPPORTED,
        "The content is not an audio, image or video format that can be read, whatever the "
        "file name says.",
    )


def overclaim(container: av.container.InputContainer, stream: BinaryIO) -> Callable[[float], str]:
    """What to say when so many seconds were found: that the container claims more, or ""."""
    name = container.format.name
    claimed = container.duration / 1e6 if container.duration else None
    if name == "wav":
        # FFmpeg trusts the size of the file more than the header.
        claimed = _wav_seconds(stream) or claimed
    share, seconds = (1.02, 0.5) if name in _STATED else (1.5, 1.0)

    def words(held: float) -> str:
        if claimed is None or claimed <= share * held + seconds:
            return ""
        return f"the container claims {claimed:.1f} s but holds {held:.1f} s; the latter is used"

    return words


def _wav_seconds(stream: BinaryIO) -> float | None:
    """The length that the header of a WAV file states; None when it states none. The place in the
    stream is kept."""
    place = stream.tell()
    try:
        stream.seek(12)
        byte_rate = 0
        for _ in range(_CHUNKS):
            head = stream.read(8)
            size = int.from_bytes(head[4:], "little")
            if head[:4] == b"fmt ":
                byte_rate = int.from_bytes(stream.read(16)[8:12], "little")
                stream.seek(size - 16 + size % 2, os.SEEK_CUR)
            elif head[:4] == b"data" and byte_rate and size not in _UNKNOWN_SIZES:
                return size / byte_rate
            elif len(head) < 8 or head[:4] == b"data":
                return None
            else:
                stream.seek(size + size % 2, os.SEEK_CUR)
        return None
    except (OSError, ValueError):
        return None
    finally:
        stream.seek(place)


def left_out(container: av.container.InputContainer) -> tuple[str, ...]:
    """In words, the streams beside the first of each kind."""
    pictures = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    counts = {"video": len(pictures), "audio": len(container.streams.audio)}
    return tuple(f"first of {n} {kind} streams" for kind, n in counts.items() if n > 1)


def video_stream(container: av.container.InputContainer) -> av.VideoStream | None:
    """The first moving picture; cover art is not one."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic and stream.codec_context is not None:
            return stream
    return None


def audio_stream(container: av.container.InputContainer) -> av.AudioStream | None:
    """The first audio stream."""
    for stream in container.streams.audio:
        if stream.codec_context is not None:
            return stream
    return None


def scan(
    container: av.container.InputContainer, stream: av.VideoStream, limits: Limits
) -> PacketScan:
    """Demultiplex the whole stream without decoding: exact times, key frames and count."""
    pairs: list[tuple[float, bool]] = []
    count, ordered, broken = 0, True, False
    end = None
    try:
        for packet in container.demux(stream):
            if packet.size == 0:
                continue
            count += 1
            if count > limits.frames:
                raise MediaError(
                    MediaCode.TOO_LARGE, f"The video has more than {limits.frames:,} frames."
                )
            if packet.pts is None or stream.time_base is None:
                ordered = False
                continue
            time = float(packet.pts * stream.time_base)
            length = float((packet.duration or 0) * stream.time_base)
            end = max(end if end is not None else time, time + length)
            pairs.append((time, bool(packet.is_keyframe)))
    except FFmpegError:
        broken = True
    if not ordered:
        return PacketScan((), (), count, end, broken)
    pairs.sort()
    return PacketScan(
        times=tuple(time for time, _ in pairs),
        keys=tuple(index for index, (_, key) in enumerate(pairs) if key),
        count=count,
        end=end,
        broken=broken,
    )


def tags_of(container: av.container.InputContainer) -> dict[str, str]:
    """Container and stream metadata as text, bounded."""
    tags = {str(key): str(value) for key, value in container.metadata.items()}
    for stream in container.streams:
        for key, value in stream.metadata.items():
            tags[f"{stream.type}.{key}"] = str(value)
    return {key[:100]: tags[key][:MAX_TAG_LENGTH] for key in list(tags)[:MAX_TAGS]}
