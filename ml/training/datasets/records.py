"""What every loader yields, and how a folder that is not what it should be is refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ml.errors import MlError
from ml.result import MediaKind

SOUND = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac"})
PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
VIDEOS = frozenset({".mp4", ".avi", ".mov", ".mkv", ".webm", ".flv", ".wmv"})
_NAMED = 3


class DatasetCode(StrEnum):
    """Why a folder could not be read as a data set."""

    UNKNOWN_SET = "unknown_set"
    NO_FOLDER = "no_folder"
    NO_PROTOCOL = "no_protocol"
    BAD_PROTOCOL = "bad_protocol"
    NO_MEDIA = "no_media"
    WRONG_LAYOUT = "wrong_layout"


class DatasetError(MlError):
    """A data set cannot be read; ``code`` is a ``DatasetCode``."""


@dataclass(frozen=True)
class Record:
    """One recording or picture of a data set.

    ``split`` is train, dev, test, another word of the set, or "" where it has no split.
    ``method`` is the generator or attack, "" for genuine ones. ``identity`` is the speaker or
    the person seen, ``source`` the collection it comes from (what a fold leaves out), ``group``
    what must never lie on both sides of a split. ``fake_segments`` are (start, end) in seconds.
    ``fake_sound`` and ``fake_picture`` tell the two apart where the set does, else None.
    """

    path: Path
    kind: MediaKind
    fake: bool
    split: str
    method: str
    identity: str
    source: str
    group: str
    fake_segments: tuple[tuple[float, float], ...] = ()
    fake_sound: bool | None = None
    fake_picture: bool | None = None


def folder_of(root: Path, *names: str) -> Path:
    """``root`` or the first of its sub-folders ``names`` that exists, for archives that unpack
    into a folder of their own. Raises DatasetError(no_folder)."""
    if not root.is_dir():
        raise DatasetError(DatasetCode.NO_FOLDER, f"There is no folder {root}.")
    return next((root / name for name in names if (root / name).is_dir()), root)


def protocol(root: Path, *names: str) -> Path:
    """The first of the files ``names`` below ``root``. Raises DatasetError(no_protocol)."""
    for name in names:
        if (root / name).is_file():
            return root / name
    raise DatasetError(
        DatasetCode.NO_PROTOCOL,
        f"{root} holds none of the files {', '.join(names)}: the labels are missing. Put the "
        "protocol or metadata of the set where its authors put it.",
    )


def columns(path: Path, count: int) -> Iterator[list[str]]:
    """The lines of a blank-separated protocol with at least ``count`` columns.
    Raises DatasetError(bad_protocol) naming the line."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) < count:
            raise bad_line(path, number, f"has {len(fields)} columns instead of {count}")
        yield fields


def table(path: Path, wanted: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a CSV file that has the columns ``wanted``. Raises DatasetError."""
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        missing = sorted(set(wanted) - set(reader.fieldnames or ()))
        if missing:
            raise bad_line(path, 1, f"has no columns {missing}")
        return list(reader)


def read_json(path: Path) -> Any:
    """A JSON file. Raises DatasetError(bad_protocol)."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DatasetError(
            DatasetCode.BAD_PROTOCOL, f"{path} is not readable JSON: {error}"
        ) from error


def bad_line(path: Path, number: int, words: str) -> DatasetError:
    """The error for a line that is not what the set's description says."""
    return DatasetError(DatasetCode.BAD_PROTOCOL, f"Line {number} of {path} {words}.")


def is_fake(path: Path, word: str, *, fake: str, real: str) -> bool:
    """A label in the set's own words. Raises DatasetError(bad_protocol)."""
    if word not in (fake, real):
        raise DatasetError(
            DatasetCode.BAD_PROTOCOL, f"{path} labels with '{word}' instead of {fake} or {real}."
        )
    return word == fake


def check_media(records: Iterable[Record]) -> list[Record]:
    """``records`` when every file is there. Raises DatasetError(no_media) with the first names;
    one look into each folder, not one for each file."""
    checked: list[Record] = []
    missing: list[Record] = []
    seen: dict[Path, frozenset[str]] = {}
    for record in records:
        folder = record.path.parent
        if folder not in seen:
            inside = folder.iterdir() if folder.is_dir() else ()
            seen[folder] = frozenset(entry.name for entry in inside)
        (checked if record.path.name in seen[folder] else missing).append(record)
    if missing:
        names = ", ".join(str(record.path) for record in missing[:_NAMED])
        raise DatasetError(
            DatasetCode.NO_MEDIA,
            f"{len(missing)} of {len(missing) + len(checked)} files are missing: {names} …",
        )
    if not checked:
        raise DatasetError(DatasetCode.NO_MEDIA, "No recording was found in the folder.")
    return checked


def files(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    """Files of these kinds anywhere below ``folder``, in order."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in suffixes and p.is_file())


def kind_of(path: Path) -> MediaKind:
    """The kind a file's name promises."""
    suffix = path.suffix.lower()
    if suffix in SOUND:
        return MediaKind.AUDIO
    return MediaKind.IMAGE if suffix in PICTURES else MediaKind.VIDEO
