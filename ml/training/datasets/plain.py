"""A laboratory's own folders: ``real/`` and ``fake/``, with or without splits above them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ml.training.datasets.records import (
    PICTURES,
    SOUND,
    VIDEOS,
    DatasetCode,
    DatasetError,
    Record,
    check_media,
    files,
    folder_of,
    kind_of,
)

SPLITS = {"train": "train", "val": "dev", "dev": "dev", "validation": "dev", "test": "test"}
LABELS = {"real": False, "fake": True}


def real_and_fake(root: Path) -> list[Record]:
    """``[SPLIT/]{real,fake}/[NAME/]…``: recordings and pictures of any kind. A folder below
    ``fake`` names the generator, one below ``real`` the collection; both are what folds leave
    out. Without such folders every file is its own group."""
    base = folder_of(root)
    parts = {"": base} | {name: base / name for name in SPLITS if (base / name).is_dir()}
    if not any((folder / label).is_dir() for folder in parts.values() for label in LABELS):
        raise DatasetError(
            DatasetCode.WRONG_LAYOUT, f"{base} holds neither real/ nor fake/, nor train/real/."
        )

    def records() -> Iterator[Record]:
        for name, part in parts.items():
            for label, fake in LABELS.items():
                folder = part / label
                for path in files(folder, SOUND | PICTURES | VIDEOS):
                    yield _record(path, folder, fake, SPLITS.get(name, ""))

    return check_media(records())


def _record(path: Path, folder: Path, fake: bool, split: str) -> Record:
    inner = path.relative_to(folder).parts[:-1]
    name = inner[0] if inner else ("fake" if fake else "real")
    group = "/".join((folder.name, *inner)) if inner else str(path.relative_to(folder.parent))
    return Record(path, kind_of(path), fake, split, name if fake else "", "", name, group)
