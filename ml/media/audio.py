"""Decode the first audio stream to mono 16 kHz float32."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import av
import av.container
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from ml.errors import MediaCode, MediaError
from ml.media.plan import Limits
from ml.media.prepared import SAMPLE_RATE
from ml.result import AudioFacts


@dataclass(frozen=True)
class DecodedAudio:
    """``waveform`` (N,) float32 at 16 kHz; ``start`` is the PTS of sample 0 in seconds on the
    container's clock (None when it has none); ``errors`` counts packets lost."""

    waveform: NDArray[np.float32]
    start: float | None
    facts: AudioFacts
    errors: int
    transforms: tuple[str, ...]


def decode_audio(
    container: av.container.InputContainer, stream: av.AudioStream, limits: Limits
) -> DecodedAudio:
    """Raises ``MediaError(too_long)`` once the decoded sound exceeds the limit."""
    context = stream.codec_context
    codec, rate, channels = context.name, context.sample_rate, context.channels
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=SAMPLE_RATE)
    pieces: list[NDArray[np.float32]] = []
    start: float | None = None
    errors, samples = 0, 0
    for frames, lost in _decoded(container, stream):
        errors += lost
        for frame in frames:
            if start is None and frame.time is not None:
                start = float(frame.time)
            rate, channels = frame.sample_rate, len(frame.layout.channels)
            try:
                resampled = resampler.resample(frame)
            except (FFmpegError, ValueError):
                # The stream changed its format on the way: go on with a fresh resampler.
                errors += 1
                resampler = av.AudioResampler(format="fltp", layout="mono", rate=SAMPLE_RATE)
                continue
            for piece in resampled:
                pieces.append(piece.to_ndarray()[0])
                samples += piece.samples
            if samples > limits.duration_s * SAMPLE_RATE:
                raise MediaError(
                    MediaCode.TOO_LONG,
                    f"The recording is longer than {limits.duration_s / 3600:g} hours. "
                    "Cut out the part in question.",
                )
    if pieces:
        pieces += [piece.to_ndarray()[0] for piece in resampler.resample(None)]
    waveform = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    return _finished(waveform, start, codec, rate, channels, errors)


def _decoded(
    container: av.container.InputContainer, stream: av.AudioStream
) -> Iterator[tuple[list[av.AudioFrame], int]]:
    """Pairs of decoded frames and packets lost; a broken container ends the sequence."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except FFmpegError:
            yield [], 1
            return
        try:
            yield list(packet.decode()), 0
        except (FFmpegError, ValueError):
            yield [], 1


def _finished(
    waveform: NDArray[np.float32],
    start: float | None,
    codec: str,
    rate: int,
    channels: int,
    errors: int,
) -> DecodedAudio:
    transforms = []
    if rate != SAMPLE_RATE:
        transforms.append(f"audio resampled from {rate} Hz to {SAMPLE_RATE} Hz")
    if channels > 1:
        transforms.append(f"{channels} audio channels mixed to one")
    if errors:
        transforms.append(f"{errors} audio packets could not be decoded and were left out")
    bad = int(np.count_nonzero(~np.isfinite(waveform)))
    if bad:
        transforms.append(f"{bad} audio samples that were not numbers set to silence")
        waveform = np.nan_to_num(waveform, nan=0.0, posinf=0.0, neginf=0.0)
    peak = float(np.abs(waveform).max(initial=0.0))
    if peak > 1.0:
        transforms.append(f"audio beyond full scale (peak {peak:.3g}) scaled to full scale")
        waveform = waveform / np.float32(peak)
    facts = AudioFacts(
        codec=codec,
        sample_rate=rate,
        channels=channels,
        duration_s=waveform.size / SAMPLE_RATE,
    )
    return DecodedAudio(
        np.ascontiguousarray(waveform, np.float32), start, facts, errors, tuple(transforms)
    )
