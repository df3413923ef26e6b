"""Ogg (RFC 3533): sound or film, by the codecs of its first pages."""

from __future__ import annotations

from typing import BinaryIO

from django.utils.translation import gettext_noop

from cases.sniffing.media_type import DamagedFile, MediaType, read_at

VIDEO_CODECS = (b"\x80theora", b"BBCD\x00", b"OVP80", b"\x01video")
AUDIO_CODECS = (b"\x01vorbis", b"OpusHead", b"Speex   ", b"\x7fFLAC")
FIRST_PAGE = 2
MAX_STREAMS = 64


def sniff(file: BinaryIO, head: bytes) -> MediaType | None:
    """Native FLAC, or Ogg with its first codec. Raises DamagedFile without a stream header."""
    if head[:4] == b"fLaC":
        return MediaType("audio", "flac", "audio/flac")
    if head[:4] != b"OggS":
        return None
    codecs = _codecs(file)
    if not codecs:
        raise DamagedFile(
            gettext_noop("The Ogg file is cut off in its first page. Ask for a complete copy.")
        )
    if any(codec.startswith(VIDEO_CODECS) for codec in codecs):
        return MediaType("video", "ogv", "video/ogg")
    if any(codec.startswith(b"OpusHead") for codec in codecs):
        return MediaType("audio", "opus", "audio/ogg")
    if any(codec.startswith(AUDIO_CODECS) for codec in codecs):
        return MediaType("audio", "ogg", "audio/ogg")
    return None


def _codecs(file: BinaryIO) -> list[bytes]:
    """The start of each stream's first packet; all first pages stand at the front."""
    codecs: list[bytes] = []
    offset = 0
    for _ in range(MAX_STREAMS):
        page = read_at(file, offset, 27)
        if len(page) < 27 or page[:4] != b"OggS" or not page[5] & FIRST_PAGE:
            break
        lacing = read_at(file, offset + 27, page[26])
        content = offset + 27 + page[26]
        codecs.append(read_at(file, content, 8))
        offset = content + sum(lacing)
    return [codec for codec in codecs if codec]
