"""ISO base media (ISO/IEC 14496-12) and QuickTime: MP4, M4A, MOV, 3GP and HEIC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from django.utils.translation import gettext_noop

from cases.sniffing.media_type import DamagedFile, MediaType, read_at, size_of, truncated

HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
# QuickTime files from before ftyp start with one of these.
OLD_QUICKTIME = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
# A picture "track" that is only the cover of a song.
COVER_CODECS = {b"jpeg", b"mjpg", b"mjpa", b"png "}
MAX_BOXES = 100_000


class Box(NamedTuple):
    """One box: its name and where its content starts and ends in the file."""

    name: bytes
    start: int
    end: int


def sniff(file: BinaryIO, head: bytes) -> MediaType | None:
    """The type by brand and by the handlers of the tracks, so M4A and MP4 are told apart.

    Raises DamagedFile when the index (moov) is missing or the file is cut off.
    """
    name = head[4:8]
    if name == b"ftyp":
        length = min(int.from_bytes(head[:4], "big"), 4096)
        content = read_at(file, 8, max(length - 8, 0))
        major = content[:4]
        brands = {major} | {content[i : i + 4] for i in range(8, len(content) - 3, 4)}
    elif name in OLD_QUICKTIME:
        major, brands = b"qt  ", {b"qt  "}
    else:
        return None
    if brands & {b"avif", b"avis"} and not brands & HEIC_BRANDS:
        return None
    if major in HEIC_BRANDS or (major in (b"mif1", b"msf1") and brands & HEIC_BRANDS):
        return MediaType("image", "heic", "image/heic")
    if major in (b"mif1", b"msf1"):
        return None
    return _movie(file, major)


def _movie(file: BinaryIO, major: bytes) -> MediaType | None:
    top = list(_boxes(file, 0, size_of(file), strict=True))
    moov = next((box for box in top if box.name == b"moov"), None)
    if moov is None:
        if major == b"qt  " and not any(box.name == b"ftyp" for box in top):
            return None  # four letters that happened to look like an old QuickTime file
        raise DamagedFile(
            gettext_noop(
                "The MP4 or MOV file has no index (moov): the recording was cut off or never "
                "finished. Ask for a complete copy."
            )
        )
    kinds = set(_track_kinds(file, moov))
    quicktime = major == b"qt  "
    if "video" in kinds:
        if quicktime:
            return MediaType("video", "mov", "video/quicktime")
        if major[:3] == b"3gp":
            return MediaType("video", "3gp", "video/3gpp")
        return MediaType("video", "mp4", "video/mp4")
    if "audio" in kinds:
        return MediaType("audio", "m4a", "audio/mp4")
    raise DamagedFile(gettext_noop("The MP4 or MOV file holds neither sound nor pictures."))


def _track_kinds(file: BinaryIO, moov: Box) -> Iterator[str]:
    for track in _named(file, moov, b"trak"):
        for media in _named(file, track, b"mdia"):
            for handler in _named(file, media, b"hdlr"):
                kind = read_at(file, handler.start + 8, 4)
                if kind == b"soun":
                    yield "audio"
                elif kind == b"vide" and not _is_cover(file, media):
                    yield "video"


def _is_cover(file: BinaryIO, media: Box) -> bool:
    """One still picture in a track of its own; a Motion JPEG film has many."""
    return bool(_codecs(file, media) & COVER_CODECS) and _sample_count(file, media) <= 1


def _codecs(file: BinaryIO, media: Box) -> set[bytes]:
    return {
        read_at(file, description.start + 12, 4)
        for table in _sample_tables(file, media)
        for description in _named(file, table, b"stsd")
    }


def _sample_count(file: BinaryIO, media: Box) -> int:
    """Frames in the track: a cover has one, a Motion JPEG film many."""
    return sum(
        int.from_bytes(read_at(file, sizes.start + 8, 4), "big")
        for table in _sample_tables(file, media)
        for sizes in _named(file, table, b"stsz")
    )


def _sample_tables(file: BinaryIO, media: Box) -> Iterator[Box]:
    for information in _named(file, media, b"minf"):
        yield from _named(file, information, b"stbl")


def _named(file: BinaryIO, parent: Box, name: bytes) -> Iterator[Box]:
    return (box for box in _boxes(file, parent.start, parent.end) if box.name == name)


def _boxes(file: BinaryIO, start: int, end: int, strict: bool = False) -> Iterator[Box]:
    """The boxes between two offsets. ``strict``: a box past the end is an error, not the end."""
    offset = start
    for _ in range(MAX_BOXES):
        header = read_at(file, offset, 16)
        if offset + 8 > end or len(header) < 8:
            return
        size, name, header_size = int.from_bytes(header[:4], "big"), header[4:8], 8
        if size == 1:
            size, header_size = int.from_bytes(header[8:16], "big"), 16
        elif size == 0:
            size = end - offset
        if size < header_size:
            return
        if offset + size > end:
            if strict and name.isalnum():
                raise truncated("MP4 or MOV", offset + size, end)
            return
        yield Box(name, offset + header_size, offset + size)
        offset += size
