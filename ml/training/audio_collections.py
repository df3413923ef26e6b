"""Recorded speech that comes in Debian packages, as further sources of real speech for training.

``python -m ml.training.audio_collections --packages FOLDER --out FOLDER`` writes clips and
``collections.jsonl``, the list ``ml.training.audio_clips`` reads. The packages
tuxpaint-stamps-default and ktuberling-data (volunteers naming things in several languages, Vorbis)
lie unpacked below ``--packages`` (``apt-get download`` and ``dpkg -x``).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import av
import numpy as np
import soundfile as sf

from ml.media.windows import level
from ml.training.audio_augmentation import SAMPLE_RATE, Wave, decode
from ml.training.audio_clips import COLLECTIONS as LIST
from ml.training.audio_voices import LEVEL, LONGEST_S, SHORTEST_S

PER_COLLECTION = 24
FOUND_IN = {
    "Tux Paint": ("be", "bg", "ca", "da", "el", "es", "fr", "ro", "ru"),
    "KTuberling": ("ca", "da", "fr", "lt", "ru", "uk"),
}
COLLECTIONS: dict[str, str] = {
    **{f"Tux Paint {code}": f"stamps/**/*_desc_{code}.ogg" for code in FOUND_IN["Tux Paint"]},
    **{f"KTuberling {code}": f"ktuberling/sounds/{code}/*.*" for code in FOUND_IN["KTuberling"]},
}


def recordings(
    packages: Path, collections: Mapping[str, str], most: int
) -> Iterator[tuple[str, Wave]]:
    """Collection and speech of at most ``most`` files of each pattern below ``packages`` that are
    long and loud enough, the same ones every time. What is no sound is passed over, and a
    collection without any is named."""
    for name, pattern in collections.items():
        files = sorted(file for file in packages.rglob(pattern) if file.is_file())
        found = 0
        for place in np.random.default_rng(0).permutation(len(files)):
            try:
                wave = decode(files[place].read_bytes())[: int(LONGEST_S * SAMPLE_RATE)]
            except (av.FFmpegError, ValueError):
                continue
            if wave.size >= SHORTEST_S * SAMPLE_RATE and np.abs(wave).max() > 0.01:
                yield name, wave
                found += 1
            if found == most:
                break
        if not found:
            print(f"{name} is left out: nothing at {pattern} below {packages}")


def write(packages: Path, out: Path) -> int:
    """Write the clips and their list; returns how many there are."""
    out.mkdir(parents=True, exist_ok=True)
    count = 0
    with (out / LIST).open("w", encoding="utf-8") as table:
        for corpus, wave in recordings(packages, COLLECTIONS, PER_COLLECTION):
            path = f"collection_{count:04d}.flac"
            sf.write(out / path, level(wave, LEVEL).clip(-1, 1), SAMPLE_RATE)
            row = {"path": path, "generator": "", "parent": "",
                   "source": corpus.rsplit(" ", 1)[0], "corpus": corpus}  # fmt: skip
            table.write(json.dumps(row) + "\n")
            count += 1
    return count


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description=__doc__)
    _parser.add_argument("--packages", type=Path, required=True, help="unpacked Debian packages")
    _parser.add_argument("--out", type=Path, required=True, help="where the clips go")
    _options = _parser.parse_args()
    print(f"{write(_options.packages, _options.out)} clips written")
