"""Sets that forge sound and picture apart: FakeAVCeleb and LAV-DF."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from ml.result import MediaKind
from ml.training.datasets.records import (
    VIDEOS,
    DatasetCode,
    DatasetError,
    Record,
    bad_line,
    check_media,
    files,
    folder_of,
    protocol,
    read_json,
)

TYPES = {
    "RealVideo-RealAudio": (False, False),
    "RealVideo-FakeAudio": (False, True),
    "FakeVideo-RealAudio": (True, False),
    "FakeVideo-FakeAudio": (True, True),
}


def fakeavceleb(root: Path) -> list[Record]:
    """``TYPE/RACE/GENDER/PERSON/*.mp4`` and ``meta_data.csv``: source, target1, target2, method,
    category, type, race, gender, file, and a last column without a name, the folder. A file that
    the table lists twice is taken once. Without the table the folders alone are read, and the
    method is the type. A person is a group; no split."""
    base = folder_of(root, "FakeAVCeleb_v1.2", "FakeAVCeleb")
    lines = base / "meta_data.csv"
    if not any((base / name).is_dir() for name in TYPES):
        raise DatasetError(
            DatasetCode.WRONG_LAYOUT, f"{base} holds none of the folders {', '.join(TYPES)}."
        )
    return check_media(_listed(base, lines) if lines.is_file() else _found(base))


def _listed(base: Path, lines: Path) -> Iterator[Record]:
    seen = set()
    with lines.open(encoding="utf-8", newline="") as stream:
        rows = csv.reader(stream)
        next(rows, None)
        for number, row in enumerate(rows, 2):
            if len(row) < 9 or row[5] not in TYPES:
                raise bad_line(lines, number, f"is not a row of FakeAVCeleb: {row}")
            person, method, category, name = row[0], row[3], row[5], row[8]
            path = base / category / row[6] / row[7] / person / name
            if len(row) > 9 and row[9]:
                path = base.joinpath(*Path(row[9]).parts[1:]) / name
            if path not in seen:
                seen.add(path)
                yield _celeb(path, category, method, person)


def _found(base: Path) -> Iterator[Record]:
    for category in TYPES:
        for path in files(base / category, VIDEOS):
            yield _celeb(path, category, category, path.parent.name)


def _celeb(path: Path, category: str, method: str, person: str) -> Record:
    picture, sound = TYPES[category]
    fake = picture or sound
    return Record(
        path, MediaKind.VIDEO, fake, "", method if fake else "", person, "FakeAVCeleb",
        f"FakeAVCeleb {person}", fake_sound=sound, fake_picture=picture,
    )  # fmt: skip


def lav_df(root: Path) -> list[Record]:
    """``metadata.json`` or ``metadata.min.json`` beside ``train``, ``dev`` and ``test``: file,
    n_fakes, fake_periods in seconds, original, modify_video, modify_audio, split. A forgery is in
    the group of its original."""
    base = folder_of(root, "LAV-DF")
    lines = protocol(base, "metadata.min.json", "metadata.json")

    def records() -> Iterator[Record]:
        for number, entry in enumerate(read_json(lines), 1):
            try:
                picture, sound = bool(entry["modify_video"]), bool(entry["modify_audio"])
                periods = tuple((float(a), float(b)) for a, b in entry["fake_periods"])
                file, split = str(entry["file"]), str(entry["split"])
            except (KeyError, TypeError, ValueError) as error:
                raise bad_line(lines, number, f"(entry) is not one of LAV-DF: {error!r}") from error
            method = "+".join(w for w, on in (("video", picture), ("audio", sound)) if on)
            original = Path(str(entry.get("original") or file)).name
            yield Record(
                base / file, MediaKind.VIDEO, picture or sound, split, method, "", "LAV-DF",
                f"LAV-DF {split} {original}", periods, fake_sound=sound, fake_picture=picture,
            )  # fmt: skip

    return check_media(records())
