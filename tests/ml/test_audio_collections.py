"""Recorded speech of packages, and what copies are made of."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from ml.training.audio_clips import load_list, to_copy
from ml.training.audio_collections import COLLECTIONS, PER_COLLECTION, recordings, write

RATE = 22_050


def say(file: Path, seconds: float, loudness: float = 0.2) -> None:
    """A tone, stereo Vorbis as in the packages."""
    file.parent.mkdir(parents=True, exist_ok=True)
    tone = loudness * np.sin(np.arange(int(seconds * RATE)) / RATE * 2 * np.pi * 220)
    sf.write(file, np.stack([tone, tone], 1), RATE, format="OGG", subtype="VORBIS")


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    stamps = tmp_path / "packages" / "usr" / "share" / "tuxpaint" / "stamps" / "animals"
    for number in range(PER_COLLECTION + 2):
        say(stamps / f"{number:02d}_desc_fr.ogg", 2.0)
    say(stamps / "short_desc_ru.ogg", 0.5)
    say(stamps / "silent_desc_ru.ogg", 2.0, 0.0)
    (stamps / "broken_desc_ru.ogg").write_bytes(b"OggS nothing")
    say(stamps / "long_desc_ru.ogg", 9.0)
    return tmp_path / "packages"


def test_a_collection_gives_what_is_long_and_loud_enough(
    packages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert write(packages, tmp_path / "made") == PER_COLLECTION + 1
    found = load_list(tmp_path / "made" / "collections.jsonl")
    corpora = [clip.corpus for clip in found]
    assert corpora == ["Tux Paint fr"] * PER_COLLECTION + ["Tux Paint ru"]
    assert {(clip.source, clip.spoof, clip.split) for clip in found} == {
        ("Tux Paint", False, "train")
    }
    assert found[0].waveform.size == pytest.approx(2 * 16_000, abs=2_000)
    assert found[-1].waveform.size == 6 * 16_000
    left_out = capsys.readouterr().out
    assert "KTuberling da is left out" in left_out
    assert "Tux Paint ru is left out" not in left_out


def test_the_same_recordings_are_drawn_every_time(packages: Path) -> None:
    one = {"Tux Paint fr": COLLECTIONS["Tux Paint fr"]}
    first, second = (list(recordings(packages, one, 3)) for _ in range(2))
    assert [name for name, _ in first] == ["Tux Paint fr"] * 3
    for (_, wave), (_, again) in zip(first, second, strict=True):
        assert np.array_equal(wave, again)


def test_copies_are_made_of_bona_fide_training_clips_and_collections(
    packages: Path, tmp_path: Path
) -> None:
    made, audio = tmp_path / "made", tmp_path / "data" / "audio"
    audio.mkdir(parents=True)
    with (audio / "manifest.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["path", "split", "label", "generator", "corpus", "source_repo"])
        table.writerow(["a.flac", "train", "bonafide", "", "c", "s"])
        table.writerow(["b.flac", "train", "spoof", "g", "c", "s"])
        table.writerow(["c.flac", "dev", "bonafide", "", "c", "s"])
    assert [clip.path for clip in to_copy(tmp_path / "data", made)] == ["a.flac"]
    count = write(packages, made)
    found = to_copy(tmp_path / "data", made)
    assert found[0].path == "a.flac"
    assert len(found) == 1 + count
