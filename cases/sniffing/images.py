"""Still images other than WebP and HEIC."""

from __future__ import annotations

from typing import BinaryIO

from django.utils.translation import gettext_noop

from cases.sniffing.media_type import DamagedFile, MediaType, read_at, size_of

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
TIFF_SIGNATURES = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
BMP_HEADER_SIZES = (12, 40, 52, 56, 64, 108, 124)


def sniff(file: BinaryIO, head: bytes) -> MediaType | None:
    """JPEG, PNG, BMP or TIFF. Raises DamagedFile for a PNG without its end."""
    if head[:3] == b"\xff\xd8\xff":
        return MediaType("image", "jpeg", "image/jpeg")
    if head[:8] == PNG_SIGNATURE:
        _check_png(file)
        return MediaType("image", "png", "image/png")
    if head[:4] in TIFF_SIGNATURES:
        return MediaType("image", "tiff", "image/tiff")
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in BMP_HEADER_SIZES:
        return MediaType("image", "bmp", "image/bmp")
    return None


def _check_png(file: BinaryIO) -> None:
    """Walk the chunks (length, name, data, CRC) to IEND."""
    offset, end = len(PNG_SIGNATURE), size_of(file)
    while offset + 12 <= end:
        chunk = read_at(file, offset, 8)
        if chunk[4:] == b"IEND":
            return
        offset += 12 + int.from_bytes(chunk[:4], "big")
    raise DamagedFile(
        gettext_noop("The PNG file is cut off before its end mark. Ask for a complete copy.")
    )
