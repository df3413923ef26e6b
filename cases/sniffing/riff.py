"""RIFF: WAV, AVI and WebP."""

from __future__ import annotations

from typing import BinaryIO

from cases.sniffing.media_type import MediaType, size_of, truncated

FORMS = {
    b"WAVE": MediaType("audio", "wav", "audio/wav"),
    b"AVI ": MediaType("video", "avi", "video/x-msvideo"),
    b"WEBP": MediaType("image", "webp", "image/webp"),
}
# Programs that write to a pipe cannot go back and fill in the size.
UNKNOWN_SIZES = (0, 0xFFFFFFFF)


def sniff(file: BinaryIO, head: bytes) -> MediaType | None:
    """WAV (also RF64 and BW64), AVI or WebP. Raises DamagedFile when cut off."""
    if head[:4] not in (b"RIFF", b"RF64", b"BW64"):
        return None
    found = FORMS.get(head[8:12])
    if found is None:
        return None
    stated = int.from_bytes(head[4:8], "little")
    actual = size_of(file)
    # An AVI over 1 GiB goes on in further RIFF chunks, so only the first one is stated here.
    if stated not in UNKNOWN_SIZES and stated + 8 > actual + 1:
        raise truncated(found.format.upper(), stated + 8, actual)
    return found
