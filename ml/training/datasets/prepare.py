"""From records to what training reads: ``audio``, ``images`` and ``videos`` of a data folder, each
with a ``manifest.csv``.

Speech that is already mono at 16 kHz and every video are only listed, by their own path; other
sound is decoded, and faces are cut from pictures and frames. What was made is kept: a second
run makes only what is missing.
"""

from __future__ import annotations

import csv
import hashlib
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import soundfile as sf
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from ml.errors import MediaCode, MediaError
from ml.media.detectors import FaceDetector, face_detector
from ml.media.plan import DecodePlan
from ml.media.prepared import SAMPLE_RATE
from ml.media.sandbox import decode_sandboxed
from ml.result import MediaKind
from ml.training.datasets.catalogue import load
from ml.training.datasets.records import Record
from ml.training.datasets.splits import with_splits

LONGEST_S = 4.05
PARTS = 10
CROP, LONG_SIDE, QUALITY = 1.7, 288, 90
Picture = NDArray[np.uint8]
Row = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """``frames`` are taken of each video for pictures; ``limit`` recordings of each split, source
    and method are taken (0: all)."""

    frames: int = 8
    limit: int = 0


def prepare(datasets: Mapping[str, Path], what: str, out: Path, options: Options) -> int:
    """Write ``out/WHAT/manifest.csv`` (WHAT: audio, images or videos) of all ``datasets`` and
    return how many rows it has. Files that cannot be decoded are named and left out.
    Raises DatasetError."""
    records = [r for name, root in datasets.items() for r in with_splits(load(name, root))]
    make, columns = MAKERS[what]
    folder = (out / what).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    chosen = in_parts(some([r for r in records if fits(r, what)], options.limit))
    rows: list[Row] = []
    maker = make(folder, options)
    for record in tqdm(chosen, desc=what):
        try:
            rows += maker(record)
        except MediaError as error:
            tqdm.write(f"{record.path}: {error.message}")
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as stream:
        lines = csv.DictWriter(stream, columns, lineterminator="\n")
        lines.writeheader()
        lines.writerows(rows)
    return len(rows)


def in_parts(records: Sequence[Record]) -> list[Record]:
    """A set of one source as ten parts, groups whole, so that folds can leave something out."""
    if len({record.source for record in records}) > 1:
        return list(records)
    return [
        replace(r, source=f"{r.source}, part {zlib.crc32(r.group.encode()) % PARTS}")
        for r in records
    ]


def fits(record: Record, what: str) -> bool:
    """Whether the record says anything about sound (audio), or about faces (images, videos)."""
    if what == "audio":
        return record.kind is MediaKind.AUDIO or record.fake_sound is not None
    if what == "videos":
        return record.kind is MediaKind.VIDEO
    return record.kind is not MediaKind.AUDIO


def some(records: Sequence[Record], limit: int) -> list[Record]:
    """``limit`` records of each split, source, label and method, spread over the set."""
    if not limit:
        return list(records)
    groups: dict[tuple[str, str, bool, str], list[Record]] = defaultdict(list)
    for record in records:
        groups[record.split, record.source, record.fake, record.method].append(record)
    chosen = []
    for members in groups.values():
        places = np.linspace(0, len(members) - 1, min(limit, len(members))).round().astype(int)
        chosen += [members[place] for place in dict.fromkeys(places.tolist())]
    return chosen


def _audio(folder: Path, _: Options) -> Callable[[Record], list[Row]]:
    def make(record: Record) -> list[Row]:
        path = record.path.resolve()
        if not _ready(path):
            path = folder / f"{name_of(record)}.flac"
            if not path.exists():
                wave = decode_sandboxed(record.path, DecodePlan(max_frames=1, dense_s=0.0)).waveform
                if wave is None:
                    return []
                _write_sound(wave[: round(LONGEST_S * SAMPLE_RATE)], path)
        fake = record.fake if record.fake_sound is None else record.fake_sound
        return [
            {
                "path": _inside(path, folder),
                "split": record.split,
                "label": "spoof" if fake else "bonafide",
                "generator": record.method if fake else "",
                "speaker": record.identity,
                "corpus": "" if fake else record.source,
                "source_repo": record.source,
                "dup_group": record.group,
            }
        ]

    return make


def _ready(path: Path) -> bool:
    """Whether training can read the file as it is: short, mono, 16 kHz."""
    if path.suffix.lower() not in (".wav", ".flac"):
        return False
    facts = sf.info(str(path))
    return bool(facts.samplerate == SAMPLE_RATE and facts.channels == 1)


def _write_sound(wave: NDArray[np.float32], path: Path) -> None:
    part = path.with_suffix(".part")
    sf.write(part, wave, SAMPLE_RATE, format="FLAC")
    part.replace(path)


def _images(folder: Path, options: Options) -> Callable[[Record], list[Row]]:
    detector = face_detector("mtcnn", torch.device("cpu"))
    count = options.frames

    def make(record: Record) -> list[Row]:
        still = record.kind is MediaKind.IMAGE
        wanted = [f"{name_of(record)}-{k}.jpg" for k in range(1 if still else count)]
        done = folder / f"{name_of(record)}.done"
        if not done.exists():
            for name, picture in zip(wanted, pictures(record, count), strict=False):
                if (crop := face_of(picture, detector)) is not None:
                    bgr = np.ascontiguousarray(crop[..., ::-1])
                    cv2.imwrite(str(folder / name), bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
            done.touch()
        fake = record.fake if record.fake_picture is None else record.fake_picture
        return [
            {
                "path": name,
                "split": record.split,
                "label": "fake" if fake else "real",
                "method": record.method if fake else record.source,
                "identity": record.identity,
                "source_repo": record.source,
                "dup_group": record.group,
            }
            for name in wanted
            if (folder / name).exists()
        ]

    return make


def pictures(record: Record, count: int) -> list[Picture]:
    """The picture, or ``count`` frames at equal steps. Raises MediaError."""
    plan = DecodePlan(max_frames=count, dense_s=0.0)
    decoded = decode_sandboxed(record.path, plan)
    if decoded.image is not None:
        return [decoded.image]
    return [frame.rgb for frame in decoded.frames]


def face_of(picture: Picture, detector: FaceDetector) -> Picture | None:
    """The surest face with its surroundings, ``CROP`` times its box, inside the picture."""
    faces = detector.detect([picture])[0]
    if not faces:
        return None
    x1, y1, x2, y2 = max(faces, key=lambda face: face.confidence).box
    half = CROP * max(x2 - x1, y2 - y1) / 2
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    left, top = max(0, round(x - half)), max(0, round(y - half))
    crop = picture[top : round(y + half), left : round(x + half)]
    scale = min(1.0, LONG_SIDE / max(crop.shape[:2]))
    if scale < 1.0:
        resized = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return np.asarray(resized, np.uint8)
    return crop


def _videos(folder: Path, _: Options) -> Callable[[Record], list[Row]]:
    def make(record: Record) -> list[Row]:
        fps, has_sound = rate_and_sound(record.path)
        fake = record.fake if record.fake_picture is None else record.fake_picture
        return [
            {
                "path": _inside(record.path.resolve(), folder),
                "split": record.split,
                "label": "fake" if fake else "real",
                "method": record.method if fake else record.source,
                "identity": record.identity or record.group,
                # Sound that is forged itself says nothing of the lips.
                "has_audio": int(has_sound and not record.fake_sound),
                "fps": fps,
                "source_repo": record.source,
                "dup_group": record.group,
            }
        ]

    return make


def rate_and_sound(path: Path) -> tuple[float, bool]:
    """Frames a second and whether there is sound. Raises MediaError."""
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            rate = container.streams.video[0].average_rate if container.streams.video else None
            sound = bool(container.streams.audio)
    except av.FFmpegError as error:
        raise MediaError(MediaCode.CORRUPT, f"{path.name} cannot be read: {error}") from error
    if not rate:
        raise MediaError(MediaCode.NO_STREAMS, f"{path.name} has no pictures.")
    return float(rate), sound


def name_of(record: Record) -> str:
    """A short name for what is made of a file, the same in every run."""
    digest = hashlib.sha256(str(record.path.resolve()).encode()).hexdigest()
    return f"{record.path.stem[:40]}-{digest[:12]}"


def _inside(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


AUDIO = ("path", "split", "label", "generator", "speaker", "corpus", "source_repo", "dup_group")
IMAGES = ("path", "split", "label", "method", "identity", "source_repo", "dup_group")
VIDEOS = (*IMAGES[:5], "has_audio", "fps", *IMAGES[5:])
Maker = Callable[[Path, Options], Callable[[Record], Iterable[Row]]]
MAKERS: dict[str, tuple[Maker, tuple[str, ...]]] = {
    "audio": (_audio, AUDIO),
    "images": (_images, IMAGES),
    "videos": (_videos, VIDEOS),
}
