"""Presentations that bona fide and spoofed speech share, so that no channel tells them apart.

RawBoost: Tak et al., ICASSP 2022 (its linear and non-linear convolutive, impulsive and
stationary noises). All functions take and give float32 (n,) at 16 kHz and draw from ``rng`` only.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import av
import numpy as np
import soundfile as sf
from numpy.typing import NDArray
from scipy import signal

from ml.media.windows import level

SAMPLE_RATE = 16_000
Wave = NDArray[np.float32]
CODECS: tuple[tuple[str, str, int, tuple[int, ...]], ...] = (
    ("mp3", "libmp3lame", 16_000, (16_000, 24_000, 32_000, 48_000, 64_000, 96_000)),
    ("mp3", "libmp3lame", 44_100, (48_000, 64_000, 128_000)),
    ("ogg", "libopus", 16_000, (8_000, 12_000, 16_000, 24_000, 32_000, 64_000)),
    ("adts", "aac", 16_000, (16_000, 24_000, 32_000, 64_000)),
    ("wav", "g722", 16_000, (64_000,)),
    ("wav", "pcm_mulaw", 8_000, (64_000,)),
    ("wav", "pcm_alaw", 8_000, (64_000,)),
    ("wav", "adpcm_ima_wav", 16_000, (0,)),
    ("amr", "libopencore_amrnb", 8_000, (4_750, 7_950, 12_200)),
    ("ac3", "ac3", 44_100, (64_000, 96_000)),
)


def crop(wave: Wave, longest: int, rng: np.random.Generator) -> Wave:
    """A random stretch: half of the time as long as possible, else 1.2 s or more."""
    longest = min(longest, wave.size)
    shortest = min(longest, int(1.2 * SAMPLE_RATE))
    length = longest if rng.random() < 0.5 else int(rng.integers(shortest, longest + 1))
    start = int(rng.integers(0, wave.size - length + 1))
    return wave[start : start + length]


def trim_silence(wave: Wave, rng: np.random.Generator) -> Wave:
    """Without (most of) the leading and trailing silence, by a random threshold."""
    frames = wave[: wave.size // 320 * 320].reshape(-1, 320)
    if not len(frames):
        return wave
    energy = np.sqrt(np.mean(np.square(frames), axis=1))
    loud = np.flatnonzero(energy > energy.max() * 10 ** rng.uniform(-2.2, -1.2))
    margin = int(rng.integers(0, 8))
    first, last = max(0, loud[0] - margin), min(len(frames), loud[-1] + 1 + margin)
    return wave[first * 320 : last * 320]


def resample(wave: Wave, rate: int, rng: np.random.Generator) -> Wave:
    """Down to ``rate`` and back, with one of two filters."""
    kaiser = ("kaiser", float(rng.uniform(3.0, 9.0)))
    low = signal.resample_poly(wave, rate // 50, SAMPLE_RATE // 50, window=kaiser)
    back = signal.resample_poly(low, SAMPLE_RATE // 50, rate // 50, window=kaiser)
    return _fit(back, wave.size)


def code(wave: Wave, rng: np.random.Generator) -> Wave:
    """``wave`` through a random lossy codec at a random bit rate."""
    container, codec, rate, bit_rates = CODECS[int(rng.integers(len(CODECS)))]
    peak = max(1.0, float(np.abs(wave).max()))
    data = _encode(wave / peak, container, codec, rate, int(rng.choice(bit_rates)))
    return _align(decode(data), wave) * np.float32(peak)


def telephone(wave: Wave, rng: np.random.Generator) -> Wave:
    """Telephone band (about 300 to 3,400 Hz) at 8 kHz, companded (G.711) half of the time."""
    band = [rng.uniform(150, 350), rng.uniform(3_000, 3_800)]
    sos = signal.butter(int(rng.integers(2, 6)), band, "bandpass", fs=SAMPLE_RATE, output="sos")
    low = signal.resample_poly(signal.sosfilt(sos, wave), 1, 2)
    if rng.random() < 0.5:
        peak = max(float(np.abs(low).max()), 1e-6)
        companded = np.sign(low) * np.log1p(255 * np.abs(low) / peak) / np.log(256)
        rounded = np.round(companded * 127) / 127
        low = np.sign(rounded) * (np.expm1(np.abs(rounded) * np.log(256)) / 255) * peak
    return _fit(signal.resample_poly(low, 2, 1), wave.size)


def gsm(wave: Wave, rng: np.random.Generator) -> Wave:
    """``wave`` through GSM 06.10 full rate (8 kHz, 13 kbit/s), as loud as a random line carries."""
    low = signal.resample_poly(wave / max(float(np.abs(wave).max()), 1e-6), 1, 2)
    file = io.BytesIO()
    sf.write(file, low * rng.uniform(0.2, 0.9), SAMPLE_RATE // 2, format="WAV", subtype="GSM610")
    file.seek(0)
    back = signal.resample_poly(sf.read(file, dtype="float32")[0], 2, 1)
    return level(_align(back.astype(np.float32), wave), _rms(wave))


def channel(wave: Wave, rng: np.random.Generator) -> Wave:
    """A clip after a codec (60 %), a telephone band (20 %) or another sampling rate (20 %)."""
    chance = rng.random()
    if chance < 0.6:
        return code(wave, rng)
    if chance < 0.8:
        return telephone(wave, rng)
    return resample(wave, int(rng.integers(8000, 12_000)), rng)


def reverberate(wave: Wave, rng: np.random.Generator) -> Wave:
    """A synthetic room: direct sound, and noise that decays by 60 dB in 0.1 to 0.7 s."""
    decay = rng.uniform(0.1, 0.7)
    n = np.arange(int(decay * SAMPLE_RATE * 0.7))
    tail = rng.standard_normal(n.size) * np.exp(-6.9 * n / (decay * SAMPLE_RATE))
    tail *= 10 ** (rng.uniform(-20, 0) / 20) / np.sqrt(np.square(tail).sum())
    tail[: int(rng.uniform(0.001, 0.02) * SAMPLE_RATE)] = 0.0
    tail[0] = 1.0
    return np.asarray(signal.fftconvolve(wave, tail)[: wave.size], dtype=np.float32)


def add_noise(wave: Wave, rng: np.random.Generator) -> Wave:
    """Stationary noise of a random spectral slope at 8 to 40 dB below the speech."""
    spectrum = np.fft.rfft(rng.standard_normal(wave.size))
    slope = np.maximum(np.arange(spectrum.size), 1) ** -rng.uniform(0.0, 1.0)
    noise = np.fft.irfft(spectrum * slope, wave.size).astype(np.float32)
    return wave + level(noise, _rms(wave) * 10 ** (-rng.uniform(8, 40) / 20))


def equalise(wave: Wave, rng: np.random.Generator) -> Wave:
    """A smooth random frequency response within about 10 dB."""
    gains = 10 ** (np.cumsum(rng.normal(0, 3.0, 9)).clip(-10, 10) / 20)
    taps = signal.firwin2(129, np.linspace(0, 1, 9), gains)
    return np.asarray(signal.fftconvolve(wave, taps, mode="same"), dtype=np.float32)


def low_pass(wave: Wave, rng: np.random.Generator) -> Wave:
    """Without what lies above a random edge of 3 to 7.6 kHz."""
    edge = rng.uniform(3_000, 7_600)
    sos = signal.butter(int(rng.integers(4, 10)), edge, fs=SAMPLE_RATE, output="sos")
    return np.asarray(signal.sosfilt(sos, wave), dtype=np.float32)


def change_speed(wave: Wave, rng: np.random.Generator) -> Wave:
    """Played up to 8 % faster or slower."""
    up = int(rng.integers(92, 109))
    return np.asarray(signal.resample_poly(wave, up, 100), dtype=np.float32)


def notched_filter(rng: np.random.Generator) -> NDArray[np.float64]:
    """The random multi-band FIR of RawBoost (five notches), normalised to unit gain."""
    taps = np.ones(1)
    for _ in range(5):
        centre, width = rng.uniform(20, 7_980), rng.uniform(100, 1_000)
        low, high = max(centre - width / 2, 1e-3), min(centre + width / 2, 7_999.9)
        count = int(rng.integers(10, 101)) | 1
        taps = np.convolve(signal.firwin(count, [low, high], fs=SAMPLE_RATE), taps)
    _, response = signal.freqz(taps, 1, fs=SAMPLE_RATE)
    return np.asarray(taps / np.abs(response).max())


def rawboost_convolutive(wave: Wave, rng: np.random.Generator) -> Wave:
    """Linear and non-linear convolutive noise: filtered powers of the signal, 5 to 20 dB down."""
    out = np.zeros(wave.size)
    gain = 1.0
    for power in range(1, 6):
        if power == 2:
            gain = 10 ** (-rng.uniform(5, 20) / 20)
        out += gain * signal.fftconvolve(wave**power, notched_filter(rng), mode="same")
    return _bounded(out - out.mean())


def rawboost_impulsive(wave: Wave, rng: np.random.Generator) -> Wave:
    """Signal-dependent impulsive noise on up to 10 % of the samples."""
    count = int(wave.size * rng.uniform(0, 0.1))
    where = rng.permutation(wave.size)[:count]
    out = wave.copy()
    noise = (2 * rng.random(count) - 1) * (2 * rng.random(count) - 1)
    out[where] += (2 * wave[where] * noise).astype(np.float32)
    return _bounded(out)


def rawboost_stationary(wave: Wave, rng: np.random.Generator) -> Wave:
    """Signal-independent stationary noise through a random filter at 10 to 40 dB."""
    noise = signal.fftconvolve(rng.standard_normal(wave.size), notched_filter(rng), mode="same")
    quiet = _rms(wave) * 10 ** (-rng.uniform(10, 40) / 20)
    return wave + level(noise.astype(np.float32), quiet)


CHAIN: tuple[tuple[float, Callable[[Wave, np.random.Generator], Wave]], ...] = (
    (0.5, trim_silence),
    (0.15, change_speed),
    (0.2, reverberate),
    (0.25, equalise),
    (0.12, rawboost_convolutive),
    (0.08, rawboost_impulsive),
    (0.1, rawboost_stationary),
    (0.25, add_noise),
    (0.15, low_pass),
    (0.15, lambda wave, rng: resample(wave, int(rng.choice((8_000, 11_050, 12_000))), rng)),
    (0.08, telephone),
    (0.4, code),
    (0.05, gsm),
)


def degrade(wave: Wave, longest: int, rng: np.random.Generator, strength: float = 1.0) -> Wave:
    """A random presentation of a clip: crop, room, channel, noise, codec and level.

    Each step of ``CHAIN`` happens with its probability times ``strength``.
    """
    wave = level(crop(wave, longest, rng), 0.05)
    for probability, step in CHAIN:
        if rng.random() < probability * strength and wave.size >= SAMPLE_RATE // 4:
            wave = np.nan_to_num(step(wave, rng)).astype(np.float32)
    return _bounded(level(wave, 10 ** rng.uniform(-2.0, -0.9)))


def _rms(wave: Wave) -> float:
    return float(np.sqrt(np.mean(np.square(wave, dtype=np.float64))) + 1e-9)


def _bounded(wave: NDArray[np.floating]) -> Wave:
    """Normalised only when the peak exceeds 1, as RawBoost does."""
    peak = float(np.abs(wave).max())
    return np.asarray(wave / peak if peak > 1.0 else wave, dtype=np.float32)


def _fit(wave: NDArray[np.floating], samples: int) -> Wave:
    short = samples - wave.size
    return np.asarray(np.pad(wave, (0, short)) if short > 0 else wave[:samples], dtype=np.float32)


def _align(decoded: Wave, original: Wave) -> Wave:
    """``decoded`` without its codec delay, as long as ``original``."""
    correlation = signal.fftconvolve(decoded, original[::-1])
    delay = int(np.argmax(np.abs(correlation))) - original.size + 1
    return _fit(decoded[min(max(0, delay), 8_000) :], original.size)


def _encode(wave: Wave, container: str, codec: str, rate: int, bit_rate: int) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        if bit_rate:
            stream.bit_rate = bit_rate
        resampler = av.AudioResampler(
            format=stream.codec_context.format,
            layout="mono",
            rate=rate,
            frame_size=stream.codec_context.frame_size or None,
        )
        frame = av.AudioFrame.from_ndarray(wave[None], format="flt", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            part.pts = None
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    return target.getvalue()


def decode(data: bytes) -> Wave:
    """The sound of a file's bytes. Raises av.FFmpegError or ValueError for what is none."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    with av.open(io.BytesIO(data), "r", metadata_errors="replace") as source:
        parts = [
            piece.to_ndarray()[0]
            for frame in source.decode(audio=0)
            for piece in resampler.resample(frame)
        ]
    parts += [piece.to_ndarray()[0] for piece in resampler.resample(None)]
    return np.concatenate(parts).astype(np.float32)
