"""The steadiness of the group delay: known signals have known values."""

import numpy as np
import pytest
import torch

from ml.models.group_delay import group_delay_steadiness, steadiness_values
from ml.models.whisper_detector import WhisperConfig, WhisperDetector

RATE = 16_000
SIZE = 512
BINS = SIZE // 2 + 1


def tone(frequency: float) -> torch.Tensor:
    at = torch.arange(RATE, dtype=torch.float64) / RATE
    return 0.1 * torch.sin(2 * torch.pi * frequency * at).float()[None]


def noise(seed: int = 0, seconds: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(1, round(seconds * RATE), generator=generator)


def test_it_is_what_its_definition_says_frame_by_frame() -> None:
    wave = noise(seconds=0.2)[0].double().numpy()
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(SIZE) / SIZE)
    starts = range(0, wave.size - SIZE + 1, SIZE // 8)
    frames = np.stack([np.fft.rfft(window * wave[at : at + SIZE]) for at in starts])
    expected = np.abs(np.exp(1j * np.diff(np.angle(frames), axis=1)).mean(0))
    # What lies far above the floor of the definition is hardly moved by it.
    found = group_delay_steadiness(noise(seconds=0.2), [SIZE])[0].numpy()
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_a_tone_is_delayed_alike_in_every_frame_and_noise_is_not() -> None:
    place = round(1000 / RATE * SIZE)
    assert group_delay_steadiness(tone(1000), [SIZE])[0, place] > 0.999
    assert group_delay_steadiness(noise(), [SIZE])[0].max() < 0.8


def test_neither_level_nor_silence_around_the_speech_matters() -> None:
    speech = noise()
    silence = torch.zeros(1, RATE)
    alone = group_delay_steadiness(speech, [SIZE])
    quiet = group_delay_steadiness(0.01 * speech, [SIZE])
    torch.testing.assert_close(quiet, alone, atol=1e-4, rtol=0)
    padded = group_delay_steadiness(torch.cat([silence, speech, silence], 1), [SIZE])
    # A few frames more, those that hold the edges of the speech.
    torch.testing.assert_close(padded, alone, atol=0.05, rtol=0)


def test_rounding_to_16_bits_in_an_empty_band_is_not_heard() -> None:
    """Noise up to 2 kHz, as it is and as a file of 16 bits holds it."""
    spectrum = torch.fft.rfft(4 * noise())
    spectrum[:, 2000:] = 0
    band = torch.fft.irfft(spectrum)
    rounded = (band * 32768).round() / 32768
    as_it_is, stored = (group_delay_steadiness(wave, [SIZE])[0] for wave in (band, rounded))
    torch.testing.assert_close(stored, as_it_is, atol=0.03, rtol=0)
    assert stored[BINS // 2 :].max() < 0.03
    assert as_it_is[10:50].min() > 0.1


def test_each_recording_of_a_batch_is_alone_and_silence_gives_numbers() -> None:
    batch = torch.cat([noise(1), torch.zeros(1, RATE), noise(2)])
    found = group_delay_steadiness(batch, [256, SIZE])
    assert found.shape == (3, steadiness_values([256, SIZE]))
    assert (found[1] == 0).all()
    assert (found >= 0).all()
    assert (found <= 1 + 1e-5).all()
    torch.testing.assert_close(found[2:], group_delay_steadiness(noise(2), [256, SIZE]))


@pytest.mark.parametrize("windows", [(), (256, SIZE)])
def test_the_network_reads_it_behind_what_the_encoder_says(windows: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    config = WhisperConfig(layers=1, width=48, group_delay=windows)
    model = WhisperDetector(config).eval()
    wave = noise()
    with torch.inference_mode():
        statistics = model.statistics(wave)
        assert model(wave).shape == (1,)
    encoder = 2 * 2 * 48
    assert statistics.shape == (1, encoder + steadiness_values(windows))
    if windows:
        heard = group_delay_steadiness(wave, windows)
        torch.testing.assert_close(statistics[:, encoder:], heard)
