"""Speech clips with their label, generator and source, as audio training draws them."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
# About 3 GB of four-second clips; public sets hold hundreds of thousands.
KEPT = 12_000
COLLECTIONS = "collections.jsonl"
Item = TypeVar("Item")


@dataclass(frozen=True)
class AudioClip:
    """One clip. ``parent`` is the clip a copy-synthesis was made from, ``file`` where it lies."""

    path: str
    split: str
    spoof: bool
    generator: str
    corpus: str
    source: str
    parent: str
    file: Path

    @property
    def waveform(self) -> NDArray[np.float32]:
        """float32 mono at 16 kHz; the clips used last stay in memory."""
        return _remembered(self.file)

    @property
    def method(self) -> str:
        """The generator of a spoofed clip; the corpus of a bona fide clip without its subset
        ("LibriSpeech test-other"), its source where none is named."""
        if self.spoof:
            return self.generator
        return self.corpus.split()[0] if self.corpus else self.source


def load_manifest(data: Path) -> list[AudioClip]:
    """The clips of ``data/audio/manifest.csv``, both splits. Raises FileNotFoundError."""
    folder = data / "audio"
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    return [
        AudioClip(
            row["path"], row["split"], row["label"] == "spoof", row["generator"], row["corpus"],
            row["source_repo"], "", folder / row["path"],
        )
        for row in rows
    ]  # fmt: skip


def load_made(folder: Path) -> list[AudioClip]:
    """Clips made for training: every ``*.jsonl`` of ``folder``. No file of that kind gives an
    empty list."""
    return [clip for table in sorted(folder.glob("*.jsonl")) for clip in load_list(table)]


def load_list(table: Path) -> list[AudioClip]:
    """The clips of a list beside them: path, generator ("" for recorded speech), parent, source
    and corpus. No file gives an empty list."""
    if not table.is_file():
        return []
    rows = map(json.loads, table.read_text(encoding="utf-8").splitlines())
    return [
        AudioClip(
            row["path"], "train", bool(row["generator"]), row["generator"], row["corpus"],
            row["source"], row["parent"], table.parent / row["path"],
        )
        for row in rows
        if "path" in row
    ]  # fmt: skip


def to_copy(data: Path, made: Path) -> list[AudioClip]:
    """Recorded speech that copies are made of: the bona fide training clips of ``data`` and, where
    they were written, the collections in ``made`` (``ml.training.audio_collections``)."""
    given = [clip for clip in load_manifest(data) if clip.split == "train" and not clip.spoof]
    return [*given, *load_list(made / COLLECTIONS)]


def wanted(clip: AudioClip, copy_methods: Sequence[str]) -> bool:
    """Whether a copy is by one of these methods; none named: by any."""
    return not copy_methods or clip.generator.removeprefix("copy-") in copy_methods


def read_waveform(path: Path) -> NDArray[np.float32]:
    """float32 mono at 16 kHz. Raises ValueError for another rate or several channels."""
    waveform, rate = sf.read(path, dtype="float32")
    if rate != SAMPLE_RATE or waveform.ndim != 1:
        raise ValueError(f"{path} is not mono at {SAMPLE_RATE} Hz")
    return np.asarray(waveform, dtype=np.float32)


@lru_cache(maxsize=KEPT)
def _remembered(path: Path) -> NDArray[np.float32]:
    return read_waveform(path)


def leave_source_out(clips: Sequence[AudioClip], folds: int) -> dict[str, int]:
    """A fold for each source, so that every fold has about the same number of each class."""
    counts: dict[str, NDArray[np.int64]] = defaultdict(lambda: np.zeros(2, dtype=np.int64))
    for clip in clips:
        counts[clip.source][int(clip.spoof)] += 1
    totals = np.zeros((folds, 2), dtype=np.int64)
    chosen = {}
    for source in sorted(counts, key=lambda name: (-counts[name].sum(), name)):
        cost = np.square(totals + counts[source]).sum(1)
        chosen[source] = int(np.argmin(cost))
        totals[chosen[source]] += counts[source]
    return chosen


def grouped(items: Iterable[Item], key: Callable[[Item], str]) -> dict[str, list[Item]]:
    """``items`` by ``key``, keys in alphabetical order."""
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return {name: groups[name] for name in sorted(groups)}


def draw(groups: dict[str, list[Item]], rng: np.random.Generator) -> Item:
    """An item of a random group; a group's chance grows with the square root of its size."""
    names = list(groups)
    weights = np.sqrt([len(groups[name]) for name in names])
    members = groups[names[int(rng.choice(len(names), p=weights / weights.sum()))]]
    return members[int(rng.integers(len(members)))]
