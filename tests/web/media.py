"""Recordings for the pages, drawn and synthesised: nobody's face, nobody's voice."""

from __future__ import annotations

import shutil
import subprocess
import wave
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from tests.web.sample import drawn_face

RATE = 16_000
FRAMES_PER_SECOND = 10
SENTENCE = (
    "Good morning, this is the account holder. Please transfer the amount we talked about "
    "to the new account, today before noon. Thank you very much."
)


def recordings(folder: Path) -> dict[str, Path]:
    """``image``, ``audio`` and ``video``, three seconds each."""
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "image": _portrait(folder / "portrait.png"),
        "audio": _sound(folder / "message.wav"),
        "video": _clip(folder / "call.mp4"),
    }


def spoken(folder: Path) -> Path | None:
    """A sentence of the espeak-ng synthesiser; None where it is not installed."""
    espeak = shutil.which("espeak-ng")
    if espeak is None:
        return None
    path = folder / "spoken.wav"
    subprocess.run([espeak, "-w", str(path), SENTENCE], check=True)
    return path


def long_sound(path: Path, megabytes: int) -> Path:
    """A WAV of noise of about ``megabytes``; no two pieces of it are alike."""
    generator = np.random.default_rng(5)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for _ in range(megabytes):
            file.writeframes(generator.bytes(1024 * 1024))
    return path


def _voice(seconds: float) -> NDArray[np.float64]:
    """Syllables: a gliding tone with overtones, opened and closed four times a second."""
    t = np.arange(int(RATE * seconds)) / RATE
    pitch = 2 * np.pi * np.cumsum(140 + 30 * np.sin(2 * np.pi * 0.7 * t)) / RATE
    tone = sum(np.sin(pitch * k) / k for k in range(1, 9))
    envelope = np.clip(np.sin(2 * np.pi * 2 * t), 0, None) ** 0.5
    return np.asarray(tone * envelope / 3)


def _portrait(path: Path) -> Path:
    drawn_face(1).resize((480, 480)).save(path)
    return path


def _sound(path: Path) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((_voice(3.0) * 20_000).astype("<i2").tobytes())
    return path


def _clip(path: Path) -> Path:
    with av.open(str(path), "w") as output:
        pictures = output.add_stream("libx264", rate=FRAMES_PER_SECOND)
        pictures.width, pictures.height, pictures.pix_fmt = 320, 320, "yuv420p"
        sound = output.add_stream("aac", rate=RATE)
        sound.layout = "mono"
        for index in range(3 * FRAMES_PER_SECOND):
            face = drawn_face(index % 4).resize((320, 320))
            output.mux(
                pictures.encode(av.VideoFrame.from_ndarray(np.asarray(face), format="rgb24"))
            )
        output.mux(pictures.encode(None))
        samples = _voice(3.0).astype(np.float32).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
    return path
