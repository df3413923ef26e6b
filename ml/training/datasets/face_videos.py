"""Sets of face videos and frames: FaceForensics++, Celeb-DF, DFDC, DeepfakeTIMIT, WildDeepfake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ml.result import MediaKind
from ml.training.datasets.records import (
    PICTURES,
    VIDEOS,
    DatasetCode,
    DatasetError,
    Record,
    check_media,
    columns,
    files,
    folder_of,
    is_fake,
    protocol,
    read_json,
    table,
)

FF_SPLITS = {"train": "train", "val": "dev", "test": "test"}
FF_ACTORS = "DeepFakeDetection"
CELEB = {"Celeb-real": False, "YouTube-real": False, "Celeb-synthesis": True}


def faceforensics(root: Path, compression: str = "c23") -> list[Record]:
    """``original_sequences/{youtube,actors}/c23/videos`` and ``manipulated_sequences/METHOD/c23/
    videos``; ``splits/{train,val,test}.json`` list pairs of video numbers. A pair of videos that
    swap faces with each other is one group. The actors' videos have no official split."""
    base = folder_of(root)
    pairs = _pairs(base)

    def records() -> Iterator[Record]:
        for section, fake in (("original_sequences", False), ("manipulated_sequences", True)):
            for folder in _compressed(base / section, compression):
                for path in files(folder / "videos", VIDEOS):
                    yield _ff_record(path, fake, folder.parent.name, pairs)

    return check_media(records())


def _pairs(base: Path) -> dict[str, tuple[str, str]]:
    """Video number -> (split, group)."""
    found = {}
    for name, split in FF_SPLITS.items():
        path = protocol(base, f"splits/{name}.json", f"{name}.json")
        for pair in read_json(path):
            if not isinstance(pair, list) or len(pair) != 2:
                raise DatasetError(
                    DatasetCode.BAD_PROTOCOL, f"{path} is not a list of pairs of video numbers."
                )
            for number in pair:
                found[str(number)] = (split, "+".join(sorted(map(str, pair))))
    return found


def _compressed(section: Path, compression: str) -> list[Path]:
    """The folders of one compression; "c0" is called "raw" by the download script."""
    names = ("raw", "c0") if compression == "c0" else (compression,)
    found = [f for name in names for f in sorted(section.glob(f"*/{name}")) if f.is_dir()]
    if not found:
        raise DatasetError(
            DatasetCode.WRONG_LAYOUT, f"{section} holds no folder */{names[0]}/videos."
        )
    return found


def _ff_record(path: Path, fake: bool, method: str, pairs: dict[str, tuple[str, str]]) -> Record:
    number = path.stem.split("_")[0]
    if method in ("actors", FF_ACTORS):
        split, group, source = "", f"actor {number}", "FaceForensics++ actors"
    elif number in pairs:
        (split, group), source = pairs[number], "FaceForensics++ youtube"
    else:
        raise DatasetError(DatasetCode.BAD_PROTOCOL, f"{path.name} is in none of the split files.")
    return video(path, fake, split, method, number, source, group)


def faceforensics_raw(root: Path) -> list[Record]:
    """FaceForensics++ without compression (c0)."""
    return faceforensics(root, "c0")


def faceforensics_c40(root: Path) -> list[Record]:
    """FaceForensics++ under strong compression (c40)."""
    return faceforensics(root, "c40")


def celeb_df(root: Path) -> list[Record]:
    """Versions 1 and 2: ``Celeb-real``, ``YouTube-real``, ``Celeb-synthesis`` and
    ``List_of_testing_videos.txt``, whose label 1 means real. What is not listed is for training."""
    base = folder_of(root, "Celeb-DF-v2", "Celeb-DF-v1", "Celeb-DF")
    lines = protocol(base, "List_of_testing_videos.txt")
    listed = {}
    for label, name in columns(lines, 2):
        listed[Path(name).parts[0], Path(name).name] = is_fake(lines, label, fake="0", real="1")

    def records() -> Iterator[Record]:
        for folder, fake in CELEB.items():
            for path in files(base / folder, VIDEOS):
                told = listed.get((folder, path.name))
                if told is not None and told != fake:
                    raise DatasetError(
                        DatasetCode.BAD_PROTOCOL, f"{lines} contradicts the folder of {path}."
                    )
                split = "train" if told is None else "test"
                person = path.stem.split("_")[0]
                source = f"Celeb-DF {'YouTube' if folder == 'YouTube-real' else 'celebrities'}"
                yield video(path, fake, split, folder, person, source, f"{source} {person}")

    return check_media(records())


def dfdc(root: Path) -> list[Record]:
    """``dfdc_train_part_*/metadata.json`` (file -> label REAL or FAKE, split, original), and
    ``validation`` and ``test`` with ``labels.csv`` (filename, label 1 fake) or
    ``metadata.json`` (file -> is_fake). A forgery is in the group of its original."""
    base = folder_of(root)
    metadata = [*base.glob("metadata.json"), *sorted(base.glob("*/metadata.json"))]
    labels = [p for part in ("validation", "test") for p in base.glob(f"{part}/labels.csv")]
    if not metadata and not labels:
        protocol(base, "metadata.json", "dfdc_train_part_0/metadata.json", "test/labels.csv")

    def records() -> Iterator[Record]:
        for path in metadata:
            for name, entry in read_json(path).items():
                yield _dfdc_record(path, name, entry)
        for path in labels:
            for row in table(path, ("filename", "label")):
                fake = is_fake(path, row["label"], fake="1", real="0")
                yield _dfdc_record(path, row["filename"], {"is_fake": int(fake)})

    return check_media(records())


def _dfdc_record(metadata: Path, name: str, entry: dict[str, Any]) -> Record:
    if "is_fake" in entry:
        fake = bool(entry["is_fake"])
    else:
        fake = is_fake(metadata, str(entry.get("label")), fake="FAKE", real="REAL")
    folder = metadata.parent
    split = {"validation": "dev", "test": "test"}.get(folder.name, str(entry.get("split", "train")))
    original = str(entry.get("original") or name)
    path = folder / name if "videos" not in _names(folder) else folder / "videos" / name
    return video(path, fake, split, "DFDC", "", f"DFDC {folder.name}", original)


def _names(folder: Path) -> set[str]:
    return {"videos"} if (folder / "videos").is_dir() else set()


def deepfake_timit(root: Path) -> list[Record]:
    """``higher_quality`` and ``lower_quality``: ``SUBJECT/SENTENCE-video-DONOR.avi``, forgeries
    only. Genuine VidTIMIT videos are read from ``real/SUBJECT`` or ``VidTIMIT/SUBJECT``. A subject
    is a group; no split."""
    base = folder_of(root, "DeepfakeTIMIT")
    qualities = [name for name in ("higher_quality", "lower_quality") if (base / name).is_dir()]
    if not qualities:
        raise DatasetError(
            DatasetCode.WRONG_LAYOUT, f"{base} holds neither higher_quality nor lower_quality."
        )

    def records() -> Iterator[Record]:
        for quality in qualities:
            for path in files(base / quality, VIDEOS):
                yield _timit(path, fake=True, method=quality)
        for name in ("real", "VidTIMIT"):
            for path in files(base / name, VIDEOS):
                yield _timit(path, fake=False, method="")

    return check_media(records())


def _timit(path: Path, *, fake: bool, method: str) -> Record:
    subject = path.parent.name
    return video(path, fake, "", method, subject, "DeepfakeTIMIT", f"DeepfakeTIMIT {subject}")


def wild_deepfake(root: Path) -> list[Record]:
    """``{real,fake}_{train,test}/NUMBER/{real,fake}/SEQUENCE/*.png``, the archives unpacked.
    Every frame is a record, every archive a group."""
    base = folder_of(root, "deepfake_in_the_wild")

    def records() -> Iterator[Record]:
        for label in ("real", "fake"):
            for split in ("train", "test"):
                folder = base / f"{label}_{split}"
                for path in files(folder, PICTURES):
                    archive = path.relative_to(folder).parts[0]
                    yield Record(
                        path, MediaKind.IMAGE, label == "fake", split,
                        "internet" if label == "fake" else "", "", "WildDeepfake",
                        f"WildDeepfake {label} {split} {archive}", fake_picture=label == "fake",
                    )  # fmt: skip

    if not any((base / f"{label}_train").is_dir() for label in ("real", "fake")):
        raise DatasetError(
            DatasetCode.WRONG_LAYOUT, f"{base} holds neither real_train nor fake_train."
        )
    if not files(base, PICTURES) and any(base.glob("*/*.tar.gz")):
        raise DatasetError(
            DatasetCode.NO_MEDIA, f"The archives below {base} (*.tar.gz) are not unpacked."
        )
    return check_media(records())


def video(
    path: Path, fake: bool, split: str, method: str, identity: str, source: str, group: str
) -> Record:
    """A clip whose pictures may be forged; its sound is not spoken of."""
    return Record(
        path, MediaKind.VIDEO, fake, split, method if fake else "", identity, source, group,
        fake_picture=fake,
    )  # fmt: skip
