"""The front door: from the first bytes to the sniffer of that family."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import puremagic
from django.utils.translation import gettext_noop

from cases.sniffing import asf, images, iso, matroska, mpeg_audio, ogg, riff
from cases.sniffing.media_type import DamagedFile, MediaType, read_at, size_of

HEAD = 64
TEXT_SAMPLE = 4096
MAX_ID3_TAGS = 8

Sniffer = Callable[[BinaryIO, bytes], MediaType | None]
SNIFFERS: tuple[Sniffer, ...] = (
    riff.sniff,
    images.sniff,
    iso.sniff,
    matroska.sniff,
    ogg.sniff,
    asf.sniff,
)


def sniff(path: Path) -> MediaType | None:
    """The file's type, or None when it is none the platform takes.

    Raises DamagedFile when the format is known but the file is visibly incomplete.
    """
    with path.open("rb") as file:
        start = _after_id3(file)
        head = read_at(file, start, HEAD)
        for sniffer in SNIFFERS:
            found = sniffer(file, head)
            if found is not None:
                return found
        # Last: MPEG audio has no signature, only frame headers that other data may resemble.
        return mpeg_audio.sniff(file, start)


def describe_unsupported(path: Path) -> str:
    """What an unsupported file seems to be, for the message to the person who sent it."""
    with path.open("rb") as file:
        sample = file.read(TEXT_SAMPLE)
    if _is_text(sample):
        return gettext_noop("text, not a recording")
    try:
        names = [match.name for match in puremagic.magic_string(sample) if match.name]
    except puremagic.PureError:
        names = []
    return names[0] if names else gettext_noop("data of no known recording format")


def _after_id3(file: BinaryIO) -> int:
    """Where the sound starts: ID3v2 tags may stand before MP3, AAC and FLAC alike."""
    offset = 0
    for _ in range(MAX_ID3_TAGS):
        header = read_at(file, offset, 10)
        if header[:3] != b"ID3" or len(header) < 10:
            break
        size = 0
        for byte in header[6:10]:
            size = size << 7 | byte & 0x7F
        offset += 10 + size
    if offset and offset >= size_of(file):
        raise DamagedFile(
            gettext_noop("The file holds only an ID3 tag and no sound. Ask for a complete copy.")
        )
    return offset


def _is_text(sample: bytes) -> bool:
    # A multi-byte character may be cut at the end of the sample.
    for cut in range(4):
        try:
            text = sample[: len(sample) - cut].decode()
        except UnicodeDecodeError:
            continue
        return all(character.isprintable() or character in "\r\n\t\f" for character in text)
    return False
