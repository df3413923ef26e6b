"""The checksums of a PNG file, every one of them: Pillow leaves some untested."""

from __future__ import annotations

import zlib
from typing import BinaryIO

from ml.errors import MediaCode, MediaError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIECE = 1 << 20


def check_sums(stream: BinaryIO) -> None:
    """Walk the chunks from the signature to IEND and rewind. A file of another format is left
    alone. Raises ``MediaError``: corrupt (a checksum is wrong), truncated (no IEND)."""
    stream.seek(0)
    if stream.read(len(SIGNATURE)) == SIGNATURE:
        kind = b""
        while kind != b"IEND":
            kind = _check_chunk(stream)
    stream.seek(0)


def _check_chunk(stream: BinaryIO) -> bytes:
    head = _read(stream, 8)
    length, kind = int.from_bytes(head[:4], "big"), head[4:]
    total = zlib.crc32(kind)
    for start in range(0, length, _PIECE):
        total = zlib.crc32(_read(stream, min(_PIECE, length - start)), total)
    if total != int.from_bytes(_read(stream, 4), "big"):
        raise MediaError(
            MediaCode.CORRUPT,
            f"The PNG file is damaged: the checksum of its part {kind.decode('ascii', 'replace')} "
            "is wrong. Ask for the original file.",
        )
    return kind


def _read(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise MediaError(
            MediaCode.TRUNCATED, "The PNG file ends before its last part: it was cut off."
        )
    return data
