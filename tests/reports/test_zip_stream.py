"""Archives made while they are sent are what other zip tools expect, above 4 GiB too."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import pytest

from reports import zip_stream
from reports.zip_stream import Member

LARGE = 4 * 1024**3 + 5
CRC_OF_LARGE = 0xB1C2A1A3  # of that many zero bytes
BLOCK_OF_ZEROS = bytes(zip_stream.BLOCK)


def member(name: str, content: bytes) -> Member:
    return Member(name, len(content), zlib.crc32(content), lambda: io.BytesIO(content))


def test_other_tools_read_it(tmp_path: Path) -> None:
    small = tmp_path / "a.txt"
    small.write_bytes(b"text of a file")
    members = [
        zip_stream.file_member("bundle/a.txt", small),
        member("bundle/data/ümlaut.bin", bytes(range(256)) * 9000),
        member("bundle/empty", b""),
    ]
    content = b"".join(zip_stream.stream(members))
    assert len(content) == zip_stream.total_size(members)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [entry.name for entry in members]
        assert archive.read("bundle/a.txt") == b"text of a file"
        assert archive.getinfo("bundle/empty").external_attr >> 16 == 0o100644


def test_the_same_members_give_the_same_bytes() -> None:
    members = [member("one", b"1" * 10), member("two", b"2" * 3_000_000)]
    first, second = (b"".join(zip_stream.stream(members)) for _ in range(2))
    assert first == second


class Zeros(io.RawIOBase):
    """As many zero bytes as asked for, without holding them."""

    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, size: int = -1) -> bytes:
        size = min(size, self.left)
        self.left -= size
        return BLOCK_OF_ZEROS[:size]


def zeros(size: int) -> BinaryIO:
    return Zeros(size)  # type: ignore[return-value]


def test_a_member_and_an_archive_over_4_gib_use_zip64(tmp_path: Path) -> None:
    large = Member("large", LARGE, CRC_OF_LARGE, lambda: zeros(LARGE))
    members = [large, member("last", b"the end")]
    path = tmp_path / "large.zip"
    with path.open("wb") as sink:
        for block in zip_stream.stream(members):
            if len(block) == zip_stream.BLOCK:  # a hole: the file takes no room on the disk
                sink.seek(len(block), io.SEEK_CUR)
            else:
                sink.write(block)
    assert path.stat().st_size == zip_stream.total_size(members)
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("large").file_size == LARGE
        assert archive.getinfo("large").header_offset == 0
        assert archive.read("last") == b"the end"


def test_a_member_that_changed_ends_the_stream() -> None:
    changed = Member("film", 4, zlib.crc32(b"good"), lambda: io.BytesIO(b"evil"))
    with pytest.raises(ValueError, match="film has other bytes"):
        list(zip_stream.stream([changed]))
