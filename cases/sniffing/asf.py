"""ASF (WMV, WMA) and Flash video."""

from __future__ import annotations

from typing import BinaryIO
from uuid import UUID

from django.utils.translation import gettext_noop

from cases.sniffing.media_type import DamagedFile, Kind, MediaType, read_at

HEADER = UUID("75b22630-668e-11cf-a6d9-00aa0062ce6c").bytes_le
STREAM_PROPERTIES = UUID("b7dc0791-a9b7-11cf-8ee6-00c00c205365").bytes_le
VIDEO = UUID("bc19efc0-5b4d-11cf-a8fd-00805f5c442b").bytes_le
AUDIO = UUID("f8699e40-5b4d-11cf-a8fd-00805f5c442b").bytes_le
MAX_OBJECTS = 1000


def sniff(file: BinaryIO, head: bytes) -> MediaType | None:
    """WMV or WMA by its streams, or FLV by its flags. Raises DamagedFile without streams."""
    if head[:4] == b"FLV\x01" and len(head) >= 9:
        sound_only = head[4] & 0b101 == 0b100
        kind: Kind = "audio" if sound_only else "video"
        return MediaType(kind, "flv", "video/x-flv")  # the only MIME type FLV has
    if head[:16] != HEADER:
        return None
    streams = _stream_types(file)
    if VIDEO in streams:
        return MediaType("video", "wmv", "video/x-ms-wmv")
    if AUDIO in streams:
        return MediaType("audio", "wma", "audio/x-ms-wma")
    raise DamagedFile(gettext_noop("The WMV file's header is cut off. Ask for a complete copy."))


def _stream_types(file: BinaryIO) -> set[bytes]:
    header = read_at(file, 0, 30)
    end, offset = int.from_bytes(header[16:24], "little"), 30
    streams: set[bytes] = set()
    for _ in range(MAX_OBJECTS):
        item = read_at(file, offset, 40)
        size = int.from_bytes(item[16:24], "little")
        if offset >= end or len(item) < 24 or size < 24:
            break
        if item[:16] == STREAM_PROPERTIES:
            streams.add(item[24:40])
        offset += size
    return streams
