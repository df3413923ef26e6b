"""Small recordings made on the spot, each in a real codec: colour ramps that move, and tones."""

from __future__ import annotations

import io
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

VIDEO_CODECS = {
    "mp4": ("libx264", "aac"),
    "mov": ("mpeg4", "aac"),
    "avi": ("mpeg4", "libmp3lame"),
    "mkv": ("libx264", "flac"),
    "webm": ("libvpx-vp9", "libopus"),
    "flv": ("flv", "libmp3lame"),
    "wmv": ("wmv2", "wmav2"),
}
AUDIO_CODECS = {
    "wav": "pcm_s16le",
    "mp3": "libmp3lame",
    "flac": "flac",
    "ogg": "vorbis",
    "m4a": "aac",
    "aac": "aac",
    "opus": "libopus",
}
_CONTAINERS = {
    "mkv": "matroska",
    "wmv": "asf",
    "m4a": "ipod",
    "aac": "adts",
    "opus": "ogg",
}


def tone(seconds: float, rate: int = 44_100, frequency: float = 440.0) -> NDArray[np.float32]:
    """A sine at half scale, (N,) float32."""
    t = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * frequency * t)).astype(np.float32)


def picture(index: int, width: int = 128, height: int = 96) -> NDArray[np.uint8]:
    """Frame ``index``: red grows with time by 8 a frame, green to the right, blue downwards."""
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[..., 0] = min(255, index * 8)
    rgb[..., 1] = np.linspace(0, 255, width, dtype=np.uint8)[None, :]
    rgb[..., 2] = np.linspace(0, 255, height, dtype=np.uint8)[:, None]
    return rgb


def frame_number(rgb: NDArray[np.uint8]) -> float:
    """The index ``picture`` was called with, read back from the red channel."""
    return float(rgb[..., 0].mean()) / 8


def write_video(
    path: Path,
    *,
    frames: int = 25,
    size: tuple[int, int] = (128, 96),
    sound: bool = True,
    pts: list[int] | None = None,
    gop: int = 12,
    format_name: str | None = None,
    codecs: tuple[str, str] | None = None,
) -> Path:
    """25 frames a second (or ``pts`` in 25ths of a second) with a 440 Hz tone beside it."""
    ending = path.suffix[1:]
    video_codec, audio_codec = codecs or VIDEO_CODECS[ending]
    container_name = format_name or _CONTAINERS.get(ending, ending)
    with av.open(str(path), "w", format=container_name) as container:
        video = container.add_stream(video_codec, rate=25)
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        video.codec_context.time_base = Fraction(1, 25)
        video.codec_context.gop_size = gop
        audio = _add_sound(container, audio_codec) if sound else None
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(index, *size), format="rgb24")
            frame.pts = pts[index] if pts else index
            frame.time_base = Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            _mux_tone(container, audio, frames / 25)
    return path


def write_audio(path: Path, *, seconds: float = 2.0, codec: str | None = None) -> Path:
    """A 440 Hz tone in the codec that belongs to the ending."""
    ending = path.suffix[1:]
    container_name = _CONTAINERS.get(ending, ending)
    with av.open(str(path), "w", format=container_name) as container:
        stream = _add_sound(container, codec or AUDIO_CODECS[ending])
        _mux_tone(container, stream, seconds)
    return path


def _add_sound(container: av.container.OutputContainer, codec: str) -> av.AudioStream:
    """Opus knows 48 kHz only; FFmpeg's own Vorbis encoder asks for consent and two channels."""
    rate = 48_000 if codec == "libopus" else 44_100
    stream = container.add_stream(codec, rate=rate, options={"strict": "experimental"})
    stream.layout = "stereo" if codec == "vorbis" else "mono"
    stream.bit_rate = 96_000
    return stream


def _mux_tone(
    container: av.container.OutputContainer, stream: av.AudioStream, seconds: float
) -> None:
    rate = stream.codec_context.sample_rate or 44_100
    frame = av.AudioFrame.from_ndarray(tone(seconds, rate)[None, :], format="fltp", layout="mono")
    frame.sample_rate, frame.pts = rate, 0
    # PCM and others take their own frame size and format from the resampler.
    context = stream.codec_context
    context.open(strict=False)
    resampler = av.AudioResampler(
        format=context.format.name,
        layout=context.layout.name,
        rate=rate,
        frame_size=context.frame_size or 1024,
    )
    for piece in [*resampler.resample(frame), *resampler.resample(None)]:
        container.mux(stream.encode(piece))
    container.mux(stream.encode(None))


def write_wav(path: Path, samples: NDArray[np.float32], rate: int = 16_000) -> Path:
    """16-bit PCM."""
    with wave.open(str(path), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(rate)
        target.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def float_wav(samples: NDArray[np.float32], rate: int = 16_000) -> bytes:
    """32-bit float WAV bytes; NaN and infinity go in as they are."""
    data = samples.astype("<f4").tobytes()
    form = (
        b"fmt \x10\0\0\0\x03\0\x01\0"
        + rate.to_bytes(4, "little")
        + (4 * rate).to_bytes(4, "little")
        + b"\x04\0\x20\0"
    )
    body = b"WAVE" + form + b"data" + len(data).to_bytes(4, "little") + data
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def still_bytes(format_name: str, size: tuple[int, int] = (96, 64)) -> bytes:
    """The ramp picture in a still-image format."""
    buffer = io.BytesIO()
    Image.fromarray(picture(10, *size)).save(buffer, format_name)
    return buffer.getvalue()
