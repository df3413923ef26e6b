"""Small recordings in every format, made on the spot."""

from __future__ import annotations

import io
import struct
import wave
from pathlib import Path

import av
import numpy as np
from PIL import Image
from pillow_heif import register_heif_opener

register_heif_opener()

IMAGES = {"jpg": "JPEG", "png": "PNG", "bmp": "BMP", "webp": "WEBP", "tiff": "TIFF", "heic": "HEIF"}


def wav_bytes(seconds: float = 0.2, tone: float = 440.0) -> bytes:
    """A PCM tone at 16 kHz."""
    samples = np.sin(2 * np.pi * tone * np.arange(int(16000 * seconds)) / 16000)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes((samples * 20000).astype("<i2").tobytes())
    return buffer.getvalue()


def image_bytes(suffix: str, seed: int = 0) -> bytes:
    """A picture of noise, 48 by 48."""
    pixels = np.random.default_rng(seed).integers(0, 255, (48, 48, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=IMAGES[suffix])
    return buffer.getvalue()


def recording(
    path: Path,
    *,
    audio: str = "",
    video: str = "",
    container: str | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a file with a tone (codec ``audio``), moving noise (codec ``video``), or both."""
    with av.open(str(path), "w", format=container, options=options or {}) as output:
        pictures = sound = None
        if video:
            pictures = output.add_stream(video, rate=10)
            pictures.width, pictures.height = 64, 48
            pictures.pix_fmt = "yuvj420p" if video == "mjpeg" else "yuv420p"
        if audio:
            sound = output.add_stream(audio, rate=48000 if "opus" in audio else 44100)
            sound.layout = "mono" if "vorbis" not in audio else "stereo"
            sound.bit_rate = 64_000
            sound.options = {"strict": "experimental"}  # FFmpeg's own Vorbis encoder
        if pictures is not None:
            noise = np.random.default_rng(1)
            for _ in range(5):
                pixels = noise.integers(0, 255, (48, 64, 3), dtype=np.uint8)
                output.mux(pictures.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            output.mux(pictures.encode(None))
        if sound is not None:
            for packet in _tone(sound):
                output.mux(packet)
    return path


def _tone(stream: av.AudioStream) -> list[av.Packet]:
    rate, channels = stream.rate, len(stream.layout.channels)
    wave_form = np.sin(2 * np.pi * 440 * np.arange(rate // 2) / rate).astype(np.float32) * 0.5
    interleaved = np.repeat(wave_form, channels).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(interleaved, format="flt", layout=stream.layout.name)
    frame.sample_rate = rate
    frame.pts = 0
    resampler = av.AudioResampler(
        format=stream.format.name,
        layout=stream.layout.name,
        rate=rate,
        frame_size=stream.frame_size or 1024,
    )
    packets = []
    for part in [*resampler.resample(frame), *resampler.resample(None)]:
        packets.extend(stream.encode(part))
    packets.extend(stream.encode(None))
    return packets


def with_id3(content: bytes) -> bytes:
    """``content`` behind an empty ID3v2 tag with 64 bytes of padding."""
    return b"ID3\x04\x00\x00" + struct.pack(">I", 64) + bytes(64) + content
