"""Zip files made while they are sent: stored members of known size and checksum, in order.

The same members give the same bytes every time, so a bundle's hash can be recorded once and the
file put together again for each download. Nothing is compressed (media do not compress) and no
data descriptors are used, so readers that cannot seek understand the file too. Members and
archives of 4 GiB and more use ZIP64 (APPNOTE 6.3.10, sections 4.3 to 4.5).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

BLOCK = 1 << 20
# The earliest date that zip knows; the true dates stand in the extract.
DATE = 0x0021
UTF8_NAME = 0x0800
PLAIN, ZIP64 = 20, 45
UNIX = 3 << 8
READABLE = 0o100644 << 16
FULL_16, FULL_32 = 0xFFFF, 0xFFFFFFFF


@dataclass(frozen=True)
class Member:
    """One file of the archive; ``open`` gives its ``size`` bytes, with this CRC-32, each time."""

    name: str
    size: int
    crc32: int
    open: Callable[[], BinaryIO]


def file_member(name: str, path: Path) -> Member:
    """The file at ``path`` under ``name``."""
    crc = 0
    with path.open("rb") as source:
        while block := source.read(BLOCK):
            crc = zlib.crc32(block, crc)
    return Member(name, path.stat().st_size, crc, lambda: path.open("rb"))


def stream(members: Sequence[Member]) -> Iterator[bytes]:
    """The archive, block by block. ValueError when a member is not what it was said to be."""
    offset, directory = 0, b""
    for member in members:
        header = _local_header(member)
        yield header
        yield from _content(member)
        directory += _directory_entry(member, offset)
        offset += len(header) + member.size
    yield directory + _end(len(members), offset, len(directory))


def total_size(members: Sequence[Member]) -> int:
    """How many bytes ``stream`` gives, without reading any member."""
    offset, directory = 0, 0
    for member in members:
        directory += len(_directory_entry(member, offset))
        offset += len(_local_header(member)) + member.size
    return offset + directory + len(_end(len(members), offset, directory))


def _content(member: Member) -> Iterator[bytes]:
    size, crc = 0, 0
    with member.open() as source:
        while block := source.read(BLOCK):
            size, crc = size + len(block), zlib.crc32(block, crc)
            yield block
    if (size, crc) != (member.size, member.crc32):
        raise ValueError(f"{member.name} has other bytes than were listed")


def _local_header(member: Member) -> bytes:
    name = member.name.encode()
    large = member.size >= FULL_32
    size = FULL_32 if large else member.size
    extra = struct.pack("<HHQQ", 1, 16, member.size, member.size) if large else b""
    version = ZIP64 if large else PLAIN
    fixed = struct.pack(
        "<4s5H3I2H",
        b"PK\x03\x04", version, UTF8_NAME, 0, 0, DATE,
        member.crc32, size, size, len(name), len(extra),
    )  # fmt: skip
    return fixed + name + extra


def _directory_entry(member: Member, offset: int) -> bytes:
    name = member.name.encode()
    # The extra field holds, in this order, what does not fit the fixed fields.
    wide = [member.size, member.size] if member.size >= FULL_32 else []
    if offset >= FULL_32:
        wide.append(offset)
    extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    size, version = min(member.size, FULL_32), ZIP64 if wide else PLAIN
    fixed = struct.pack(
        "<4s6H3I5H2I",
        b"PK\x01\x02", UNIX | version, version, UTF8_NAME, 0, 0, DATE,
        member.crc32, size, size, len(name), len(extra), 0, 0, 0,
        READABLE, min(offset, FULL_32),
    )  # fmt: skip
    return fixed + name + extra


def _end(count: int, offset: int, size: int) -> bytes:
    """The end of the central directory of ``size`` bytes that begins at ``offset``."""
    wide = b""
    if count >= FULL_16 or max(offset, size) >= FULL_32:
        record = struct.pack(
            "<4sQ2H2I4Q",
            b"PK\x06\x06", 44, UNIX | ZIP64, ZIP64, 0, 0, count, count, size, offset,
        )  # fmt: skip
        wide = record + struct.pack("<4sIQI", b"PK\x06\x07", 0, offset + size, 1)
    count_16 = min(count, FULL_16)
    return wide + struct.pack(
        "<4s4H2IH",
        b"PK\x05\x06", 0, 0, count_16, count_16, min(size, FULL_32), min(offset, FULL_32), 0,
    )  # fmt: skip
