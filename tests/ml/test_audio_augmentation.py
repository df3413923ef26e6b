"""The presentations audio training gives to both classes."""

from __future__ import annotations

import numpy as np
import pytest

from ml.media.windows import level
from ml.training import audio_augmentation as augmentation

RATE = 16_000


def speechlike(seconds: float = 2.0) -> np.ndarray:
    """A gliding, syllable-modulated harmonic tone with some noise."""
    t = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * 0.7 * t)) / RATE
    voice = sum(np.sin(k * phase) / k for k in range(1, 25))
    gate = 0.5 + 0.5 * np.sin(2 * np.pi * 3 * t)
    noise = np.random.default_rng(0).standard_normal(t.size) * 0.02
    return level((voice * gate + noise).astype(np.float32), 0.05)


def band_energy(wave: np.ndarray, low: float, high: float) -> float:
    power = np.abs(np.fft.rfft(wave)) ** 2
    frequency = np.fft.rfftfreq(wave.size, 1 / RATE)
    return float(power[(frequency >= low) & (frequency < high)].sum() / power.sum())


def test_the_same_seed_gives_the_same_presentation_and_another_seed_another() -> None:
    wave = speechlike()
    first = augmentation.degrade(wave, RATE, np.random.default_rng(3))
    again = augmentation.degrade(wave, RATE, np.random.default_rng(3))
    other = augmentation.degrade(wave, RATE, np.random.default_rng(4))
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


@pytest.mark.parametrize("seed", range(12))
def test_every_presentation_is_finite_bounded_and_no_longer_than_asked(seed: int) -> None:
    out = augmentation.degrade(speechlike(), RATE, np.random.default_rng(seed), strength=2.0)
    assert out.dtype == np.float32
    assert 0 < out.size <= int(RATE * 1.1)
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= 1.0


@pytest.mark.parametrize("codec", augmentation.CODECS, ids=lambda codec: f"{codec[1]}-{codec[2]}")
def test_each_codec_keeps_the_speech_in_place_whatever_its_polarity(
    codec: tuple[str, str, int, tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(augmentation, "CODECS", (codec,))
    wave = speechlike()
    coded = augmentation.code(wave, np.random.default_rng(0))
    assert coded.size == wave.size
    assert not np.array_equal(coded, wave)
    assert abs(np.corrcoef(coded, wave)[0, 1]) > 0.7


def test_telephone_and_low_pass_take_the_high_band_away() -> None:
    noise = np.random.default_rng(1).standard_normal(2 * RATE).astype(np.float32) * 0.05
    rng = np.random.default_rng(2)
    assert band_energy(noise, 4200, 8000) > 0.4
    assert band_energy(augmentation.telephone(noise, rng), 4200, 8000) < 0.02
    low = augmentation.resample(noise, 8000, rng)
    assert low.size == noise.size
    assert band_energy(low, 4600, 8000) < 0.02


def test_gsm_keeps_the_speech_in_place_and_loud_in_a_telephone_band() -> None:
    wave = speechlike()
    coded = augmentation.gsm(wave, np.random.default_rng(0))
    assert coded.size == wave.size
    assert np.corrcoef(coded, wave)[0, 1] > 0.9
    assert np.sqrt(np.mean(coded**2)) == pytest.approx(np.sqrt(np.mean(wave**2)), rel=1e-3)
    noise = np.random.default_rng(1).standard_normal(2 * RATE).astype(np.float32) * 0.05
    assert band_energy(augmentation.gsm(noise, np.random.default_rng(2)), 4200, 8000) < 0.02


def test_silence_around_the_speech_is_trimmed() -> None:
    quiet = np.random.default_rng(0).standard_normal(RATE).astype(np.float32) * 1e-5
    padded = np.concatenate([quiet, speechlike(), quiet])
    trimmed = augmentation.trim_silence(padded, np.random.default_rng(0))
    assert trimmed.size < padded.size - RATE
    assert trimmed.size > RATE


def test_rawboost_noises_change_the_signal_but_keep_it() -> None:
    wave = speechlike()
    for step in (
        augmentation.rawboost_convolutive,
        augmentation.rawboost_impulsive,
        augmentation.rawboost_stationary,
    ):
        out = step(wave, np.random.default_rng(5))
        assert out.shape == wave.shape
        assert not np.array_equal(out, wave)
        assert abs(np.corrcoef(out, wave)[0, 1]) > 0.3


def test_a_channel_keeps_the_length_and_is_drawn_from_the_seed_alone() -> None:
    wave = level(np.random.default_rng(0).standard_normal(RATE).astype(np.float32), 0.05)
    narrow = 0
    for seed in range(12):
        made = augmentation.channel(wave, np.random.default_rng(seed))
        assert made.shape == wave.shape
        assert np.isfinite(made).all()
        assert not np.array_equal(made, wave)
        assert np.array_equal(made, augmentation.channel(wave, np.random.default_rng(seed)))
        narrow += band_energy(made, 6_500, 8_000) < 0.02
    assert 0 < narrow < 12
