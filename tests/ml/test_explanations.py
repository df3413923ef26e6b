"""The pointing and the splice game tell a map that looks from one that does not."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest
import soundfile as sf

from ml.branches.speech_network import SpeechNetworkBranch
from ml.branches.xception import XceptionBranch
from ml.evaluation.explanations import hit_rate, pointing_game, splice_game
from ml.training.audio_clips import AudioClip
from ml.training.image_data import Photo
from ml.training.self_blending import OVAL

RATE = 16_000


class Listener:
    """Hears a whistle, or (deaf) only the beginning of a recording."""

    samples = 2 * RATE

    def __init__(self, *, deaf: bool) -> None:
        self.deaf = deaf

    def score(self, windows: list[np.ndarray]) -> np.ndarray:
        if self.deaf:
            return -np.arange(len(windows), dtype=np.float64)
        return np.array([np.abs(np.diff(window)).mean() for window in windows])


class Viewer:
    """A map of what changed between two crops, or (blind) of the crop's middle."""

    def __init__(self, *, blind: bool) -> None:
        self.blind = blind
        self.entry = type("Entry", (), {"preprocessing": {"size": 96, "margin": 0.3}})

    def score(self, crops: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        middle = np.zeros((96, 96), np.float32)
        middle[48, 48] = 1
        moved = np.abs(crops[1].astype(np.float32) - crops[0]).mean(axis=2)
        return np.zeros(2), [0 * middle, middle if self.blind else moved]


def speech(folder: Path) -> list[AudioClip]:
    """Three low tones of one source and a whistle, two seconds each."""
    t = np.arange(2 * RATE) / RATE
    clips = []
    for number, frequency in enumerate((200, 210, 220, 3000)):
        file = folder / f"{number}.flac"
        sf.write(file, 0.1 * np.sin(2 * np.pi * frequency * t), RATE)
        spoof = number == 3
        clips.append(AudioClip(file.name, "dev", spoof, "g" if spoof else "", "", "site", "", file))
    return clips


def photos(count: int) -> list[Photo]:
    """Noise with an oval mesh: what lies where is all that the game asks."""
    rng = np.random.default_rng(0)
    angle = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
    mesh = rng.uniform(70, 90, (468, 2)).astype(np.float32)
    mesh[list(OVAL)] = 80 + 45 * np.stack([np.sin(angle), -np.cos(angle)], axis=1)
    box = (35.0, 35.0, 125.0, 125.0)
    return [
        Photo(f"{k}.jpg", rng.integers(0, 256, (160, 160, 3), dtype=np.uint8), box, mesh,
              False, "", "made", "dev")
        for k in range(count)
    ]  # fmt: skip


def test_a_timeline_that_listens_beats_a_window_at_random(tmp_path: Path) -> None:
    clips = speech(tmp_path)
    good = splice_game(cast(SpeechNetworkBranch, Listener(deaf=False)), clips, 20)
    bad = splice_game(cast(SpeechNetworkBranch, Listener(deaf=True)), clips, 20)
    assert good.rate == 1.0
    assert good.interval[0] > good.baselines["a window at random"]
    assert bad.rate == 0.0


def test_a_map_that_looks_beats_the_centre() -> None:
    given = photos(24)
    good = pointing_game(cast(XceptionBranch, Viewer(blind=False)), given)["map"]
    bad = pointing_game(cast(XceptionBranch, Viewer(blind=True)), given)["map"]
    assert good.interval[0] > max(good.baselines.values())
    assert bad.rate == pytest.approx(bad.baselines["centre"], abs=0.1)


def test_the_interval_holds_the_rate_and_narrows() -> None:
    few, many = (hit_rate([True, False] * n, {"chance": [0.2]}) for n in (5, 500))
    assert few.interval[0] < few.rate < few.interval[1]
    assert many.interval[1] - many.interval[0] < 0.1 < few.interval[1] - few.interval[0]
    with pytest.raises(ValueError, match="no case"):
        hit_rate([], {})
