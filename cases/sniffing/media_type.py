"""The formats the platform takes in, and the reader the sniffers share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Literal

from django.utils.translation import gettext_noop

Kind = Literal["audio", "image", "video"]


class DamagedFile(Exception):
    """The file is of a known format but broken in a way that shows without decoding.

    ``text`` is English with places for ``values``; who tells a person translates it.
    """

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text % values)
        self.text = text
        self.values = values


@dataclass(frozen=True)
class MediaType:
    """A format by name (``mp4``), its kind and its MIME type."""

    kind: Kind
    format: str
    mime_type: str


def read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    """Up to ``count`` bytes from ``offset``; fewer at the end of the file."""
    file.seek(offset)
    return file.read(count)


def size_of(file: BinaryIO) -> int:
    """The file's length in bytes."""
    return file.seek(0, 2)


def truncated(name: str, stated: int, actual: int) -> DamagedFile:
    """The error for a file that ends before its own header says it does."""
    return DamagedFile(
        gettext_noop(
            "The %(name)s file is cut off: its header speaks of %(stated)s bytes, it has "
            "%(actual)s. Ask for a complete copy."
        ),
        name=name,
        stated=stated,
        actual=actual,
    )
