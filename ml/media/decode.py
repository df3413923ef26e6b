"""From a file to ``Decoded``, repair included. Runs inside the confined child."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import BinaryIO

from ml.errors import MediaCode, MediaError
from ml.media.audio import DecodedAudio, decode_audio
from ml.media.container import (
    audio_stream,
    left_out,
    opened,
    overclaim,
    tags_of,
    video_stream,
)
from ml.media.decoded import Decoded
from ml.media.plan import DecodePlan
from ml.media.repair import repairs
from ml.media.still import decode_still, is_still
from ml.media.video import DecodedVideo, decode_video
from ml.result import MediaFacts, MediaKind

_REPAIRABLE = {MediaCode.CORRUPT, MediaCode.TRUNCATED, MediaCode.UNSUPPORTED}


def decode(stream: BinaryIO, plan: DecodePlan) -> Decoded:
    """Decode a recording by its content. Raises ``MediaError``."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    if size == 0:
        raise MediaError(MediaCode.EMPTY, "The file is empty (0 bytes).")
    if size > plan.limits.file_bytes:
        raise MediaError(
            MediaCode.TOO_LARGE,
            f"The file has {size:,} bytes; at most {plan.limits.file_bytes:,} are read.",
        )
    head = stream.read(32)
    stream.seek(0)
    if is_still(head):
        return decode_still(stream, plan.limits)
    try:
        return _decode_recording(stream, plan, ())
    except MediaError as error:
        if MediaCode(error.code) not in _REPAIRABLE or size > plan.limits.repair_bytes:
            raise
        return _decode_repaired(stream, plan, error)


def _decode_repaired(stream: BinaryIO, plan: DecodePlan, first: MediaError) -> Decoded:
    """Try each repair in turn; the first error stands when none helps."""
    for repaired, words in repairs(stream, plan.limits):
        try:
            return _decode_recording(repaired, plan, (words,), tolerant=True)
        except MediaError:
            continue
    raise first


def _decode_recording(
    stream: BinaryIO, plan: DecodePlan, before: tuple[str, ...], *, tolerant: bool = False
) -> Decoded:
    audio: DecodedAudio | None = None
    video: DecodedVideo | None = None
    with opened(stream, plan.limits, tolerant=tolerant) as container:
        name, tags = container.format.name, tags_of(container)
        claims = overclaim(container, stream)
        before += left_out(container)
        has_video = video_stream(container) is not None
        sound = audio_stream(container)
        if sound is not None:
            audio = decode_audio(container, sound, plan.limits)
    if has_video:
        with opened(stream, plan.limits, tolerant=tolerant) as container:
            picture = video_stream(container)
            if picture is not None:
                heard = audio is not None and audio.waveform.size > 0
                video = decode_video(container, picture, plan, with_dense=heard)
    if not (video and video.frames) and not (audio and audio.waveform.size):
        _refuse_silent_file(audio, video)
    return _assembled(name, tags, claims, audio, video, before)


def _refuse_silent_file(audio: DecodedAudio | None, video: DecodedVideo | None) -> None:
    if audio is not None and video is None and not audio.errors:
        raise MediaError(MediaCode.EMPTY, "The audio file contains no sound at all (0 samples).")
    raise MediaError(
        MediaCode.CORRUPT,
        "Not one frame or sound sample could be decoded: the file is damaged or cut off. "
        "Ask for the original recording.",
    )


def _assembled(
    name: str,
    tags: dict[str, str],
    claims: Callable[[float], str],
    audio: DecodedAudio | None,
    video: DecodedVideo | None,
    before: tuple[str, ...],
) -> Decoded:
    transforms = list(before)
    lengths = [audio.facts.duration_s if audio else None, video.facts.duration_s if video else None]
    duration = max((length for length in lengths if length is not None), default=None)
    if duration is not None and (words := claims(duration)):
        transforms.append(words)
    if video is not None:
        transforms += video.transforms
        if not video.frames:
            transforms.append("no video frame could be decoded")
    if audio is not None:
        transforms += audio.transforms
    start = 0.0
    if audio is not None and video is not None and audio.start is not None:
        start = audio.start - video.start
    heard = audio is not None and audio.waveform.size > 0
    return Decoded(
        kind=MediaKind.VIDEO if video is not None else MediaKind.AUDIO,
        facts=MediaFacts(
            container=name,
            duration_s=duration,
            video=video.facts if video else None,
            audio=audio.facts if audio else None,
            tags=tags,
        ),
        frames=video.frames if video else (),
        dense=video.dense if video else (),
        waveform=audio.waveform if audio is not None and heard else None,
        audio_start=start,
        transforms=tuple(transforms),
    )
