"""Windows of speech: length, level, cover and which of them are listened to."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from ml.branches.speech_network import SAMPLES, speech_windows
from ml.media.windows import level, repeat_to, window_starts

RATE = 16_000


def test_a_short_wave_is_repeated_and_a_long_one_cut() -> None:
    wave = np.arange(5, dtype=np.float32)
    assert repeat_to(wave, 12).tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
    assert repeat_to(wave, 3).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="empty"):
        repeat_to(np.zeros(0, np.float32), 4)


def test_level_sets_the_root_mean_square_and_leaves_silence() -> None:
    wave = np.sin(np.arange(1000) / 7).astype(np.float32)
    assert np.sqrt(np.mean(level(wave, 0.05) ** 2)) == pytest.approx(0.05, rel=1e-4)
    assert not level(np.zeros(10, np.float32), 0.05).any()


@pytest.mark.parametrize("total", [1, 64_600, 64_601, 100_000, 1_000_000])
def test_windows_cover_the_recording_to_its_last_sample(total: int) -> None:
    starts = window_starts(total, 64_600, RATE)
    assert starts[0] == 0
    assert all(0 < b - a <= RATE for a, b in pairwise(starts))
    if total > 64_600:
        assert starts[-1] + 64_600 == total
    else:
        assert starts == [0]


def test_only_windows_with_a_second_of_speech_are_kept() -> None:
    total = 20 * RATE
    assert speech_windows(total, (), 1.0) == []
    kept = speech_windows(total, ((10.0, 12.0),), 1.0)
    seconds = SAMPLES / RATE
    assert kept
    for start in (at / RATE for at in kept):
        assert min(12.0, start + seconds) - max(10.0, start) >= 1.0 - 1e-6
    assert len(kept) < len(window_starts(total, SAMPLES, RATE))


def test_less_speech_than_a_second_is_still_listened_to_where_it_is() -> None:
    assert speech_windows(3 * RATE, ((0.5, 0.9),), 1.0) == [0]


def test_speech_scattered_over_short_stretches_is_listened_to_where_most_of_it_is() -> None:
    scattered = ((0.5, 1.1), (9.0, 9.7), (18.0, 18.4))
    starts = speech_windows(20 * RATE, scattered, 1.0, 2 * RATE)
    assert starts
    assert all(at / RATE <= 9.0 and at / RATE + 2 >= 9.7 for at in starts)
