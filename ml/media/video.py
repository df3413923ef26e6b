"""Decode chosen frames of a video: by one sequential pass or by seeking to key frames,
whichever decodes fewer frames."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import av.container
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from ml.errors import MediaCode, MediaError
from ml.media.container import PacketScan, scan
from ml.media.plan import DecodePlan, Limits
from ml.media.prepared import Frame
from ml.result import VideoFacts

_SEEK_ADVANTAGE = 0.6
_TICK = 1e-4
_BEFORE_S = 1.0


@dataclass(frozen=True)
class DecodedVideo:
    """``start`` is the PTS of the first frame on the container's clock; ``Frame.t`` counts from
    it."""

    frames: tuple[Frame, ...]
    dense: tuple[Frame, ...]
    start: float
    facts: VideoFacts
    transforms: tuple[str, ...]


@dataclass(frozen=True)
class _Choice:
    """Indices (presentation order) wanted at full size and at native rate."""

    sampled: frozenset[int]
    dense: frozenset[int]

    @property
    def wanted(self) -> list[int]:
        return sorted(self.sampled | self.dense)


def decode_video(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    plan: DecodePlan,
    *,
    with_dense: bool,
) -> DecodedVideo:
    """Raises ``MediaError``: too_large (pixels, frames), too_long. No frame at all is an empty
    result; the caller decides on repair."""
    context = stream.codec_context
    _check_size(context.width, context.height, plan.limits)
    packets = scan(container, stream, plan.limits)
    rate = stream.average_rate or stream.guessed_rate
    duration = _duration(packets, rate)
    if duration is not None and duration > plan.limits.duration_s:
        raise MediaError(
            MediaCode.TOO_LONG,
            f"The video lasts {duration / 3600:.1f} hours; at most "
            f"{plan.limits.duration_s / 3600:g} are read. Cut out the part in question.",
        )
    choice = _choose(packets, duration, plan, with_dense=with_dense)
    transforms: list[str] = []
    reader = _Reader(container, stream, packets, rate, plan, choice, transforms)
    reader.read()
    facts = VideoFacts(
        codec=context.name,
        width=reader.width or context.width,
        height=reader.height or context.height,
        rotation=reader.rotation,
        fps=float(rate) if rate else None,
        frames=packets.count,
        duration_s=duration,
        variable_frame_rate=_varies(packets.times),
        pixel_format=context.pix_fmt or "",
    )
    if reader.errors or packets.broken:
        transforms.append(f"{reader.errors} video packets could not be decoded and were left out")
    start = packets.times[0] if packets.times else reader.first_time or 0.0
    return DecodedVideo(tuple(reader.frames), tuple(reader.dense), start, facts, tuple(transforms))


def _check_size(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.pixels:
        raise MediaError(
            MediaCode.TOO_LARGE,
            f"The video claims {width}x{height} pixels a frame; at most {limits.pixels:,} "
            "pixels are read.",
        )


def _duration(packets: PacketScan, rate: Fraction | None) -> float | None:
    if packets.times and packets.end is not None:
        return packets.end - packets.times[0]
    return float(packets.count / rate) if rate and packets.count else None


def _varies(times: tuple[float, ...]) -> bool:
    """Whether frame intervals differ by more than rounding of the container's clock."""
    if len(times) < 3:
        return False
    steps = np.diff(np.asarray(times))
    return bool(steps.max() - steps.min() > max(0.0021, 0.1 * float(np.median(steps))))


def _choose(
    packets: PacketScan, duration: float | None, plan: DecodePlan, *, with_dense: bool
) -> _Choice:
    count = packets.count
    if plan.sampling == "step":
        sampled = np.arange(0, count, plan.frame_step)[: plan.max_frames]
    else:
        number = min(plan.max_frames, count)
        # The middle of each of ``number`` equal parts: never only the first or last frame.
        sampled = ((np.arange(number) + 0.5) * count / max(number, 1)).astype(int)
    dense: np.ndarray = np.zeros(0, int)
    if with_dense and duration and plan.dense_s > 0:
        length = min(count, plan.dense_frames, round(count * plan.dense_s / duration))
        begin = (count - length) // 2
        dense = np.arange(begin, begin + length)
    return _Choice(frozenset(sampled.tolist()), frozenset(dense.tolist()))


class _Reader:
    """One reading of the chosen frames; fills ``frames`` and ``dense`` in time order."""

    def __init__(
        self,
        container: av.container.InputContainer,
        stream: av.VideoStream,
        packets: PacketScan,
        rate: Fraction | None,
        plan: DecodePlan,
        choice: _Choice,
        transforms: list[str],
    ) -> None:
        self.container, self.stream, self.packets = container, stream, packets
        self.rate, self.plan, self.choice, self.transforms = rate, plan, choice, transforms
        self.frames: list[Frame] = []
        self.dense: list[Frame] = []
        self.errors = 0
        self.first_time: float | None = None
        self.width = self.height = self.rotation = 0

    def read(self) -> None:
        """Decode by the cheaper way; seeking needs presentation times."""
        if not self.packets.count:
            return
        self.stream.thread_type = "AUTO"
        wanted = self.choice.wanted
        runs = self._seek_runs(wanted)
        cost = sum(run[-1] - self._key_before(run[0]) + 1 for run in runs)
        if self.packets.times and cost < _SEEK_ADVANTAGE * (wanted[-1] + 1):
            for run in runs:
                self._read_from(self.packets.times[self._key_before(run[0])], set(run))
        else:
            self._read_from(self.packets.times[0] if self.packets.times else 0.0, set(wanted))
        self.frames.sort(key=lambda frame: frame.index)
        self.dense.sort(key=lambda frame: frame.index)

    def _read_from(self, time: float, wanted: set[int]) -> None:
        """Seek and collect. MPEG program streams may land on the key frame after the one asked
        for: what was passed over is read from before the beginning."""
        first = min(wanted)
        self._seek(time)
        if self._collect(wanted) > first and wanted and self.packets.times:
            self._seek(self.packets.times[0] - _BEFORE_S)
            self._collect(wanted)

    def _key_before(self, index: int) -> int:
        place = bisect_right(self.packets.keys, index)
        return self.packets.keys[place - 1] if place else 0

    def _seek_runs(self, wanted: list[int]) -> list[list[int]]:
        """Wanted frames grouped by the key frame that opens their group of pictures."""
        runs: list[list[int]] = []
        for index in wanted:
            if runs and self._key_before(runs[-1][0]) == self._key_before(index):
                runs[-1].append(index)
            else:
                runs.append([index])
        return runs

    def _seek(self, time: float) -> None:
        base = self.stream.time_base
        try:
            if base:
                self.container.seek(round(time / base), stream=self.stream, backward=True)
            else:
                self.container.seek(0)
        except FFmpegError:
            self.container.seek(0, backward=True, any_frame=True)

    def _collect(self, wanted: set[int]) -> int:
        """Keep the ``wanted`` frames that come and strike them off; the first index seen."""
        first, last = -1, max(wanted)
        for position, frame in enumerate(self._decoded()):
            if self.first_time is None and frame.pts is not None:
                self.first_time = float(frame.time)
            index = self._index(frame, position)
            first = index if first < 0 else first
            if index > last:
                break
            if index in wanted:
                wanted.discard(index)
                self._keep(index, frame)
            if not wanted:
                break
        return first

    def _index(self, frame: av.VideoFrame, position: int) -> int:
        """Place of a decoded frame in presentation order, by its PTS when there is one."""
        if not self.packets.times or frame.pts is None:
            return position
        return max(bisect_right(self.packets.times, float(frame.time) + _TICK) - 1, 0)

    def _decoded(self) -> Iterator[av.VideoFrame]:
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except FFmpegError:
                self.errors += 1
                return
            try:
                yield from packet.decode()
            except (FFmpegError, ValueError):
                self.errors += 1

    def _time(self, index: int, frame: av.VideoFrame) -> float:
        if self.packets.times:
            return self.packets.times[index] - self.packets.times[0]
        if frame.pts is not None:
            return float(frame.time) - (self.first_time or 0.0)
        return float(index / self.rate) if self.rate else 0.0

    def _keep(self, index: int, frame: av.VideoFrame) -> None:
        _check_size(frame.width, frame.height, self.plan.limits)
        time = self._time(index, frame)
        if index in self.choice.sampled:
            side = self._sample_side(frame)
            self.frames.append(Frame(index, time, self._upright(frame, side, note=True)))
        if index in self.choice.dense:
            picture = self._upright(frame, self.plan.dense_side, note=False)
            self.dense.append(Frame(index, time, picture))

    def _sample_side(self, frame: av.VideoFrame) -> int:
        """Long side that keeps all sampled frames together under the memory cap."""
        area = self.plan.limits.frame_bytes / 3 / len(self.choice.sampled)
        long, short = max(frame.width, frame.height), min(frame.width, frame.height)
        return min(self.plan.frame_side, int((area * long / short) ** 0.5))

    def _upright(self, frame: av.VideoFrame, side: int, *, note: bool) -> NDArray[np.uint8]:
        """RGB with square pixels, at most ``side`` on the long side, turned upright."""
        width, height = frame.width, frame.height
        ratio = self.stream.sample_aspect_ratio
        if ratio and ratio > 0 and ratio != 1 and Fraction(1, 4) <= ratio <= 4:
            width = max(1, round(width * ratio))
            self._note(note, f"pixels of shape {ratio} made square")
        turns = round(frame.rotation / 90)
        self.rotation = (-turns * 90) % 360
        upright_width, upright_height = (height, width) if turns % 2 else (width, height)
        if note:
            self.width, self.height = upright_width, upright_height
        scale = min(1.0, side / max(width, height))
        if scale < 1.0:
            self._note(note, f"frames of {upright_width}x{upright_height} scaled to {side} pixels")
            width, height = max(1, round(width * scale)), max(1, round(height * scale))
        rgb = frame.to_ndarray(
            format="rgb24", width=width, height=height, interpolation=Interpolation.AREA
        )
        if turns % 4:
            self._note(note, f"frames turned upright by {self.rotation} degrees clockwise")
            rgb = np.rot90(rgb, turns)
        return np.ascontiguousarray(rgb, np.uint8)

    def _note(self, wanted: bool, words: str) -> None:
        if wanted and words not in self.transforms:
            self.transforms.append(words)
