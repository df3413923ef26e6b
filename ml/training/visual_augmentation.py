"""Degradations that real and fake pictures share, so that none of them tells the classes apart."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
_INTERPOLATIONS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)


def jpeg(rgb: Picture, quality: int) -> Picture:
    """``rgb`` after JPEG compression."""
    _, coded = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), dtype=np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])


def h264(rgb: Picture, quality: int) -> Picture:
    """``rgb`` as a key frame of H.264 video, 4:2:0, at the constant rate factor ``quality`` (0 to
    51, lower is better)."""
    height, width = rgb.shape[:2]
    padded = cv2.copyMakeBorder(rgb, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    even = np.asarray(padded, dtype=np.uint8)
    coder = av.CodecContext.create("libx264", "w")
    assert isinstance(coder, av.VideoCodecContext)
    coder.width, coder.height, coder.pix_fmt = even.shape[1], even.shape[0], "yuv420p"
    coder.time_base, coder.thread_count = Fraction(1, 25), 1
    coder.options = {"crf": str(quality), "preset": "veryfast"}
    packets = [*coder.encode(av.VideoFrame.from_ndarray(even, format="rgb24")), *coder.encode()]
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_count = 1
    frames = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    return np.ascontiguousarray(frames[0].to_ndarray(format="rgb24")[:height, :width])


def shift_colour(rgb: Picture, rng: np.random.Generator, strength: float) -> Picture:
    """Random gain, offset and gamma per channel, and saturation; ``strength`` 1 is mild."""
    gain = 1 + strength * rng.uniform(-0.1, 0.1, 3) + strength * rng.uniform(-0.1, 0.1)
    offset = strength * (rng.uniform(-12, 12, 3) + rng.uniform(-10, 10))
    gamma = float(np.exp(strength * rng.uniform(-0.2, 0.2)))
    levels = np.arange(256)[:, None] / 255.0
    table = np.clip(255 * (levels**gamma) * gain + offset, 0, 255).astype(np.uint8)
    out = cv2.LUT(rgb, table[None])
    grey = cv2.cvtColor(out, cv2.COLOR_RGB2GRAY)[..., None]
    saturation = 1 + strength * rng.uniform(-0.3, 0.3)
    mixed = grey + (out.astype(np.float32) - grey) * saturation
    return np.clip(mixed, 0, 255).astype(np.uint8)


def resample(rgb: Picture, side: int, rng: np.random.Generator) -> Picture:
    """``rgb`` (square) at ``side`` pixels and back, each way with a random filter."""
    size = rgb.shape[0]
    down, up = rng.choice(len(_INTERPOLATIONS), 2)
    small = cv2.resize(rgb, (side, side), interpolation=_INTERPOLATIONS[down])
    back = cv2.resize(small, (size, size), interpolation=_INTERPOLATIONS[max(up, 1)])
    return np.asarray(back, dtype=np.uint8)


def add_noise(rgb: Picture, deviation: float, rng: np.random.Generator) -> Picture:
    """Gaussian sensor noise of ``deviation`` grey levels."""
    noise = rng.standard_normal(rgb.shape, dtype=np.float32) * deviation
    return np.clip(rgb + noise, 0, 255).astype(np.uint8)


def degrade(
    rgb: Picture, rng: np.random.Generator, noise: np.random.Generator | None = None
) -> Picture:
    """A random presentation of a square face crop: mirror, colour, resolution, blur, noise, JPEG,
    H.264.

    Frames of a clip are given equal ``rng`` states, so that they share one presentation, and
    one ``noise`` generator, so that their noise is not frozen.
    """
    if rng.random() < 0.5:
        rgb = np.ascontiguousarray(rgb[:, ::-1])
    if rng.random() < 0.6:
        rgb = shift_colour(rgb, rng, strength=1.2)
    if rng.random() < 0.06:
        rgb = np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    if rng.random() < 0.5:
        side = int(rgb.shape[0] * np.exp(rng.uniform(np.log(0.35), np.log(1.0))))
        rgb = resample(rgb, max(48, side), rng)
    if rng.random() < 0.25:
        blurred = cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.3, 1.4))
        rgb = np.asarray(blurred, dtype=np.uint8)
    if rng.random() < 0.25:
        rgb = add_noise(rgb, rng.uniform(1, 8), noise or rng)
    if rng.random() < 0.65:
        rgb = jpeg(rgb, int(rng.integers(45, 97)))
    if rng.random() < 0.2:
        rgb = h264(rgb, int(rng.integers(18, 36)))
    return rgb
