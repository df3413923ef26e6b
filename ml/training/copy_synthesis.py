"""Copy-synthesis: recorded speech taken apart and put together again by a vocoder.

``python -m ml.training.copy_synthesis --data FOLDER --out FOLDER`` writes three versions of every
bona fide training clip and ``copysynth.jsonl`` (the list ``ml.training.audio_clips`` reads). WORLD
(Morise 2016) comes from the package ``pyworld``, which only this step needs. Griffin and Lim 1984.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import soundfile as sf
from numpy.typing import NDArray
from scipy import signal
from scipy.cluster.vq import kmeans2

from ml.media.windows import level
from ml.training.audio_augmentation import SAMPLE_RATE, Wave
from ml.training.audio_clips import AudioClip, to_copy

Spectrum = NDArray[Any]


def world(wave: Wave, rng: np.random.Generator) -> Wave:
    """WORLD analysis and synthesis; half of the time with coded envelopes, often another pitch."""
    import pyworld  # type: ignore[import-not-found]

    x = wave.astype(np.float64)
    period = float(rng.choice([5.0, 5.0, 10.0]))
    track = pyworld.dio if rng.random() < 0.5 else pyworld.harvest
    pitch, times = track(x, SAMPLE_RATE, frame_period=period)
    pitch = pyworld.stonemask(x, pitch, times, SAMPLE_RATE)
    envelope = pyworld.cheaptrick(x, pitch, times, SAMPLE_RATE)
    aperiodicity = pyworld.d4c(x, pitch, times, SAMPLE_RATE)
    if rng.random() < 0.5:
        size = pyworld.get_cheaptrick_fft_size(SAMPLE_RATE)
        order = int(rng.choice([24, 32, 40, 60]))
        coded = pyworld.code_spectral_envelope(envelope, SAMPLE_RATE, order)
        envelope = pyworld.decode_spectral_envelope(coded, SAMPLE_RATE, size)
        coded = pyworld.code_aperiodicity(aperiodicity, SAMPLE_RATE)
        aperiodicity = pyworld.decode_aperiodicity(coded, SAMPLE_RATE, size)
    if rng.random() < 0.6:
        pitch = pitch * 2 ** (rng.uniform(-4, 4) / 12)
    return np.asarray(pyworld.synthesize(pitch, envelope, aperiodicity, SAMPLE_RATE, period))


def griffin_lim(wave: Wave, rng: np.random.Generator) -> Wave:
    """Phase estimated from a mel-inverted magnitude by 8 to 60 iterations."""
    magnitude, size, hop = _mel_inverted(wave, rng)
    return np.asarray(
        librosa.griffinlim(
            magnitude,
            n_iter=int(rng.choice([8, 16, 32, 60])),
            hop_length=hop,
            n_fft=size,
            momentum=float(rng.choice([0, 0.99])),
            random_state=int(rng.integers(1_000_000_000)),
        )
    )


def phase_mix(wave: Wave, rng: np.random.Generator) -> Wave:
    """Mel-inverted magnitude with a phase that grows more random with frequency."""
    magnitude, size, hop = _mel_inverted(wave, rng)
    phase = np.angle(librosa.stft(wave, n_fft=size, hop_length=hop))
    frequency = np.linspace(0, 1, phase.shape[0])[:, None]
    high = np.clip((frequency - rng.uniform(0.1, 0.6)) / 0.2, 0, 1)
    share = high * rng.uniform(0.3, 1) + rng.uniform(0, 0.25)
    phase = phase + share * np.pi * rng.uniform(-1, 1, phase.shape)
    return np.asarray(librosa.istft(magnitude * np.exp(1j * phase), hop_length=hop, n_fft=size))


def linear_prediction(wave: Wave, rng: np.random.Generator) -> Wave:
    """A pulse-and-noise excited all-pole vocoder on overlapping 32-ms frames."""
    import pyworld

    frame, hop = 512, 128
    order = int(rng.choice([16, 20, 24, 30]))
    x = np.append(wave[0], wave[1:] - 0.97 * wave[:-1]).astype(np.float64)
    pitch, _ = pyworld.dio(x, SAMPLE_RATE, frame_period=hop / SAMPLE_RATE * 1000)
    source = np.zeros(x.size + frame)
    phase = 0.0
    for i in range(x.size // hop):
        f0 = pitch[min(i, pitch.size - 1)]
        part = rng.standard_normal(hop)
        if f0 > 0:
            turns = phase + f0 / SAMPLE_RATE * np.arange(1, hop + 1)
            pulses = np.diff(np.floor(np.concatenate([[phase], turns])))
            part = pulses * np.sqrt(SAMPLE_RATE / f0) + rng.uniform(0, 0.3) * part
            phase = turns[-1] % 1.0
        source[i * hop : (i + 1) * hop] = part
    window = np.hanning(frame)
    out = np.zeros(x.size + frame)
    for start in range(0, x.size - frame, hop):
        part = x[start : start + frame] * window
        excitation = source[start : start + frame] * window
        if np.abs(part).max() < 1e-4:
            continue
        poles = librosa.lpc(part + 1e-6 * rng.standard_normal(frame), order=order)
        residual = signal.lfilter(poles, 1, part)
        gain = np.sqrt(np.square(residual).sum() / max(np.square(excitation).sum(), 1e-9))
        out[start : start + frame] += signal.lfilter([1], poles, excitation) * gain * window
    return np.asarray(signal.lfilter([1], [1, -0.97], np.nan_to_num(out[: x.size])))


def quantised(wave: Wave, rng: np.random.Generator) -> Wave:
    """Codec-like: log-mel frames replaced by the nearest of a few code words, jittered phase."""
    size, hop = 512, 128
    spectrum = librosa.stft(wave, n_fft=size, hop_length=hop)
    bank = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=size, n_mels=64)
    mel = np.log(bank @ np.abs(spectrum) + 1e-5)
    words = min(int(rng.choice([24, 48, 96])), mel.shape[1] // 2)
    seed = int(rng.integers(1_000_000_000))
    book, labels = kmeans2(mel.T, words, minit="points", rng=seed)
    inverse = np.linalg.pinv(bank)
    wanted = np.maximum(inverse @ np.exp(book[labels].T), 1e-5)
    gain = np.clip(wanted / np.maximum(inverse @ np.exp(mel), 1e-5), 0.1, 10)
    jitter = rng.uniform(0, 0.6) * rng.standard_normal(spectrum.shape)
    return np.asarray(
        librosa.istft(spectrum * gain * np.exp(1j * jitter), hop_length=hop, n_fft=size)
    )


def upsampled(wave: Wave, rng: np.random.Generator) -> Wave:
    """The images a short learned up-sampling kernel leaves: zero-stuffed, poorly filtered."""
    factor = int(rng.choice([2, 2, 4]))
    low = signal.resample_poly(wave, 1, factor)
    stuffed = np.zeros(low.size * factor)
    stuffed[::factor] = low * factor
    taps = signal.firwin(int(rng.integers(3, 12)) * 2 + 1, 0.9 / factor) + rng.normal(0, 0.02)
    rough = signal.convolve(stuffed, taps / taps.sum(), mode="same")[: wave.size]
    share = rng.uniform(0.2, 1)
    mixed = wave * (1 - share) + np.pad(rough, (0, wave.size - rough.size)) * share
    return np.asarray(mixed, dtype=np.float32)


METHODS: dict[str, tuple[float, Callable[[Wave, np.random.Generator], Wave]]] = {
    "world": (0.26, world),
    "griffin-lim": (0.26, griffin_lim),
    "phase-mix": (0.18, phase_mix),
    "linear-prediction": (0.06, linear_prediction),
    "quantised": (0.14, quantised),
    "upsampled": (0.10, upsampled),
}


def synthesise(wave: Wave, rng: np.random.Generator) -> tuple[str, Wave]:
    """The name of a randomly chosen method and the clip remade by it, as loud as before.

    Raises ValueError when the method gave no usable signal (a silent clip, say).
    """
    names = list(METHODS)
    name = str(rng.choice(names, p=[METHODS[n][0] for n in names]))
    made = np.asarray(METHODS[name][1](wave, rng), dtype=np.float32)
    if not np.isfinite(made).all() or np.abs(made).max() < 1e-3:
        raise ValueError(f"{name} gave no usable signal")
    loudness = float(np.sqrt(np.mean(np.square(wave))))
    return name, np.clip(level(made, max(loudness, 1e-4)), -1, 1)


def write(clips: list[AudioClip], out: Path, versions: int) -> int:
    """Writes ``versions`` copies of each clip below ``out``; returns how many succeeded."""
    out.mkdir(parents=True, exist_ok=True)
    made = 0
    with (out / "copysynth.jsonl").open("w", encoding="utf-8") as table:
        for number, clip in enumerate(clips * versions, start=1):
            try:
                name, wave = synthesise(clip.waveform, np.random.default_rng(1000 + number))
            except (ValueError, FloatingPointError, np.linalg.LinAlgError) as error:
                print(f"{clip.path}: {error}")
                continue
            path = f"cs_{number:05d}.flac"
            sf.write(out / path, wave, SAMPLE_RATE)
            row = {"path": path, "generator": f"copy-{name}", "parent": clip.path,
                   "source": clip.source, "corpus": clip.corpus}  # fmt: skip
            table.write(json.dumps(row) + "\n")
            made += 1
    return made


def _mel_inverted(wave: Wave, rng: np.random.Generator) -> tuple[Spectrum, int, int]:
    """Magnitude (often squeezed through a mel bank), FFT size and hop."""
    size = int(rng.choice([512, 1024, 1024, 2048]))
    hop = size // 4 if rng.random() < 0.7 else int(rng.choice([160, 200, 256]))
    mels = int(rng.choice([64, 80, 80, 100, 128]))
    top = float(rng.choice([7600, 8000, 8000]))
    magnitude = np.abs(librosa.stft(wave, n_fft=size, hop_length=hop))
    if rng.random() < 0.75:
        bank = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=size, n_mels=mels, fmax=top)
        mel = bank @ magnitude
        kind = rng.random()
        if kind < 0.2:
            mel = np.exp(signal.medfilt2d(np.log(mel + 1e-5), (1, 3)))
        elif kind < 0.4:
            mel = np.exp(np.log(mel + 1e-5) + 0.1 * rng.standard_normal(mel.shape))
        magnitude = np.maximum(np.linalg.pinv(bank) @ mel, 1e-6)
    return magnitude, size, hop


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description=__doc__)
    _parser.add_argument("--data", type=Path, required=True, help="folder with audio/")
    _parser.add_argument("--out", type=Path, required=True, help="where the copies go")
    _parser.add_argument("--versions", type=int, default=3)
    _options = _parser.parse_args()
    _clips = to_copy(_options.data, _options.out)
    print(f"{write(_clips, _options.out, _options.versions)} clips written")
