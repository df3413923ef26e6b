"""What surrounds the vocoder of neural copy-synthesis: bands, alterations, loudness, resuming."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from ml.training.audio_clips import AudioClip, load_list
from ml.training.neural_copies import (
    BANDS,
    GENERATORS,
    HOP,
    KINDS,
    RATE,
    Bands,
    alter,
    copied,
    mel_bands,
    write,
)


def buzz(bands: Bands) -> np.ndarray:
    """Stands for a generator: as many samples as its bands ask for."""
    t = np.arange(bands.shape[1] * HOP) / RATE
    return np.sin(2 * np.pi * 300 * t).astype(np.float32)


VOCODERS = dict.fromkeys(GENERATORS, buzz)


def tone(hertz: float, seconds: float = 1.0, rate: int = RATE) -> np.ndarray:
    t = np.arange(int(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


def test_bands_are_log_mel_and_rise_with_pitch() -> None:
    low, high = mel_bands(tone(300.0)), mel_bands(tone(3000.0))
    assert low.shape == (BANDS, RATE // HOP)
    assert low.mean(1).argmax() < high.mean(1).argmax()
    assert mel_bands(np.zeros(RATE, np.float32)).max() == pytest.approx(np.log(1e-5))


@pytest.mark.parametrize("kind", KINDS)
def test_every_alteration_keeps_the_bands_and_is_repeatable(kind: str) -> None:
    bands = mel_bands(tone(440.0))
    made = alter(bands, kind, np.random.default_rng(1))
    assert made.shape[0] == BANDS
    assert np.array_equal(made, alter(bands, kind, np.random.default_rng(1)))
    changed = made.shape != bands.shape or not np.array_equal(made, bands)
    assert changed == (kind != "plain")


def test_a_copy_is_as_loud_as_the_clip_and_no_longer() -> None:
    clip = tone(200.0, rate=16_000)
    made = copied(clip, VOCODERS, np.random.default_rng(0))
    assert abs(made.size - clip.size) <= 0.2 * clip.size
    assert made.size <= clip.size
    assert np.sqrt(np.mean(made**2)) == pytest.approx(np.sqrt(np.mean(clip**2)), rel=0.05)


def copied_otherwise(clips: list[AudioClip], out: Path) -> None:
    """The list of another vocoder's copies of the same clips."""
    rows = [
        {"path": f"cs_{clip.path}", "generator": "copy-world", "parent": clip.path,
         "source": clip.source, "corpus": clip.corpus}
        for clip in clips
    ]  # fmt: skip
    (out / "copysynth.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def test_a_stopped_run_goes_on_with_the_same_copies(tmp_path: Path) -> None:
    clips = []
    for number in range(3):
        file = tmp_path / f"{number}.flac"
        sf.write(file, tone(200.0 + number, rate=16_000), 16_000)
        clips.append(AudioClip(f"{number}.flac", "train", False, "", "c", "s", "", file))
    write(clips[:1], VOCODERS, tmp_path / "parts")
    copied_otherwise(clips[1:], tmp_path / "parts")
    write(clips, VOCODERS, tmp_path / "parts")
    write(clips, VOCODERS, tmp_path / "whole")
    parts, whole = (load_list(tmp_path / name / "hifigan.jsonl") for name in ("parts", "whole"))
    assert [(c.path, c.parent, c.generator) for c in parts] == [
        (f"hg_{k:04d}.flac", f"{k}.flac", "copy-hifigan") for k in range(3)
    ]
    for one, other in zip(parts, whole, strict=True):
        assert np.array_equal(one.waveform, other.waveform)
