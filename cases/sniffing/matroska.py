"""EBML (RFC 8794): Matroska and WebM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from django.utils.translation import gettext_noop

from cases.sniffing.media_type import DamagedFile, MediaType, read_at, size_of

EBML, DOC_TYPE = 0x1A45DFA3, 0x4282
SEGMENT, TRACKS, TRACK_ENTRY, TRACK_TYPE = 0x18538067, 0x1654AE6B, 0xAE, 0x83
VIDEO, AUDIO = 1, 2
MAX_ELEMENTS = 10_000


class Element(NamedTuple):
    """One element: its id and where its content starts and ends."""

    id: int
    start: int
    end: int


def sniff(file: BinaryIO, head: bytes) -> MediaType | None:
    """Matroska or WebM, audio or video by its tracks. Raises DamagedFile without tracks."""
    if head[:4] != EBML.to_bytes(4, "big"):
        return None
    end = size_of(file)
    doc_type, kinds = b"", set()
    for element in _elements(file, 0, end):
        if element.id == EBML:
            doc_type = _content(file, element, DOC_TYPE)
        if element.id == SEGMENT:
            kinds = set(_track_types(file, element))
            break
    if doc_type not in (b"webm", b"matroska"):
        return None
    if VIDEO in kinds:
        if doc_type == b"webm":
            return MediaType("video", "webm", "video/webm")
        return MediaType("video", "mkv", "video/x-matroska")
    if AUDIO in kinds:
        if doc_type == b"webm":
            return MediaType("audio", "webm", "audio/webm")
        return MediaType("audio", "mka", "audio/x-matroska")
    raise DamagedFile(
        gettext_noop(
            "The MKV or WebM file has no list of tracks: it is cut off. Ask for a complete copy."
        )
    )


def _track_types(file: BinaryIO, segment: Element) -> Iterator[int]:
    for element in _elements(file, segment.start, segment.end):
        if element.id != TRACKS:
            continue
        for entry in _elements(file, element.start, element.end):
            if entry.id == TRACK_ENTRY:
                yield int.from_bytes(_content(file, entry, TRACK_TYPE), "big")
        return


def _content(file: BinaryIO, parent: Element, wanted: int) -> bytes:
    for element in _elements(file, parent.start, parent.end):
        if element.id == wanted:
            content = read_at(file, element.start, min(element.end - element.start, 64))
            return content.rstrip(b"\x00")
    return b""


def _elements(file: BinaryIO, start: int, end: int) -> Iterator[Element]:
    offset = start
    for _ in range(MAX_ELEMENTS):
        header = read_at(file, offset, 12)
        if offset >= end or len(header) < 2:
            return
        id_length = _length(header[0])
        if id_length > 4 or len(header) <= id_length:
            return
        size_length = _length(header[id_length])
        if size_length > 8 or len(header) < id_length + size_length:
            return
        content = offset + id_length + size_length
        size = int.from_bytes(header[id_length : id_length + size_length], "big")
        unknown = (1 << 7 * size_length) - 1
        size &= unknown
        # A live recording leaves the size of its segment unknown: it goes on to the end.
        stop = end if size == unknown else min(content + size, end)
        yield Element(int.from_bytes(header[:id_length], "big"), content, stop)
        offset = stop


def _length(first: int) -> int:
    """Bytes of a variable-length number, from the place of its first set bit."""
    return 9 - first.bit_length()
