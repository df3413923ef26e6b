"""From a path to ``PreparedMedia``: hash, decode, find faces and speech, check the gates."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from ml.errors import MediaCode, MediaError
from ml.media.decoded import Decoded
from ml.media.detectors import FaceDetector, RawFace, face_detector
from ml.media.faces import crop_face, crop_square
from ml.media.gates import face_gates, sound_gates
from ml.media.plan import DecodePlan
from ml.media.prepared import (
    CLIP_MARGIN,
    CLIP_SIZE,
    DetectedFace,
    FaceClip,
    Frame,
    PreparedMedia,
)
from ml.media.quality import face_quality
from ml.media.sandbox import decode_descriptor
from ml.media.source import opened_file
from ml.media.speech import measure_sound
from ml.media.tracking import Track, TrackPoint, build_tracks
from ml.result import InputFacts, MediaKind, QualityGate
from ml.threads import one_at_a_time

_CHUNK = 1 << 20
_DENSE_STEP_S = 0.4
_CLIP_MIN_S = 1.0
_CLIP_TRACKS = 2
_SMOOTHING_S = 0.3


def input_facts(name: str, source: int, kind: MediaKind) -> InputFacts:
    """Size and hashes of the bytes as stored. Raises ``MediaError`` when they cannot be read."""
    short, long = hashlib.sha256(), hashlib.sha512()
    size = 0
    try:
        while chunk := os.pread(source, _CHUNK, size):
            short.update(chunk)
            long.update(chunk)
            size += len(chunk)
    except OSError as error:
        raise MediaError(
            MediaCode.CORRUPT, f"The file {name} cannot be read: {error.strerror}."
        ) from error
    return InputFacts(name, size, short.hexdigest(), long.hexdigest(), kind)


class Preparer:
    """Holds the face detector and turns files into ``PreparedMedia``."""

    def __init__(
        self,
        device: torch.device,
        detector: str = "mtcnn",
        detect_every: int = 1,
        min_face: int = 0,
    ) -> None:
        self._detector: FaceDetector = face_detector(detector, device, min_face)
        self._detect_every = detect_every

    def prepare(self, path: Path, plan: DecodePlan) -> PreparedMedia:
        """Raises ``MediaError`` for a file that cannot be analysed."""
        with opened_file(path) as source:
            decoded = decode_descriptor(source, plan)
            facts = input_facts(path.name, source, decoded.kind)
        return self.prepare_decoded(path, facts, decoded)

    def prepare_decoded(self, path: Path, facts: InputFacts, decoded: Decoded) -> PreparedMedia:
        """Faces, speech and gates of something already decoded."""
        with one_at_a_time():
            return self._prepared(path, facts, decoded)

    def _prepared(self, path: Path, facts: InputFacts, decoded: Decoded) -> PreparedMedia:
        faces, clips = self._faces(decoded)
        gates: tuple[QualityGate, ...] = ()
        speech: tuple[tuple[float, float], ...] = ()
        if decoded.waveform is not None:
            sound = measure_sound(decoded.waveform)
            speech = sound.speech
            gates += sound_gates(sound)
        main = max(_by_track(faces).values(), key=len, default=[])
        return PreparedMedia(
            path=path,
            input=facts,
            facts=decoded.facts,
            image=decoded.image,
            frames=decoded.frames,
            faces=faces,
            clips=clips,
            waveform=decoded.waveform,
            audio_start=decoded.audio_start,
            speech=speech,
            gates=(*gates, *face_gates(tuple(main))),
            credentials=decoded.credentials,
            transforms=(*decoded.transforms, *self._words(decoded)),
        )

    def _words(self, decoded: Decoded) -> tuple[str, ...]:
        if decoded.kind is MediaKind.AUDIO:
            return ()
        return (f"faces found by {self._detector.name}",)

    def _faces(self, decoded: Decoded) -> tuple[tuple[DetectedFace, ...], tuple[FaceClip, ...]]:
        if decoded.image is not None:
            tracks = [
                Track(number, [_still_point(face)])
                for number, face in enumerate(self._detector.detect([decoded.image])[0])
            ]
            return _located(tracks, (Frame(0, 0.0, decoded.image),)), ()
        if not decoded.frames:
            return (), ()
        detections = self._detections(decoded)
        tracks = build_tracks(detections)
        return _located(tracks, decoded.frames), _clips(tracks, decoded)

    def _detections(self, decoded: Decoded) -> list[tuple[float, list[RawFace]]]:
        """Detect on sampled frames, and on native-rate frames where those are too far apart. Both
        ends of the native-rate run are looked at: nothing beyond them can be interpolated."""
        chosen = list(decoded.frames[:: self._detect_every])
        scales = [1.0] * len(chosen)
        times = [frame.t for frame in chosen]
        ends = {frame.t for frame in (*decoded.dense[:1], *decoded.dense[-1:])} - set(times)
        for frame in decoded.dense:
            if frame.t in ends or min(abs(frame.t - t) for t in times) > _DENSE_STEP_S / 2:
                chosen.append(frame)
                times.append(frame.t)
                scales.append(decoded.frames[0].rgb.shape[1] / frame.rgb.shape[1])
        found = self._detector.detect([frame.rgb for frame in chosen])
        pairs = [
            (frame.t, [_scaled(face, scale) for face in faces])
            for frame, faces, scale in zip(chosen, found, scales, strict=True)
        ]
        return sorted(pairs, key=lambda pair: pair[0])


def _by_track(faces: tuple[DetectedFace, ...]) -> dict[int, list[DetectedFace]]:
    tracks: dict[int, list[DetectedFace]] = {}
    for face in faces:
        tracks.setdefault(face.track, []).append(face)
    return tracks


def _still_point(face: RawFace) -> TrackPoint:
    return TrackPoint(0.0, face.box, face.landmarks, face.confidence, face.posed, detected=True)


def _scaled(face: RawFace, scale: float) -> RawFace:
    if scale == 1.0:
        return face
    x1, y1, x2, y2 = (value * scale for value in face.box)
    return RawFace((x1, y1, x2, y2), face.landmarks * scale, face.confidence, face.posed)


def _located(tracks: list[Track], frames: tuple[Frame, ...]) -> tuple[DetectedFace, ...]:
    """Every track's face in every sampled frame it passes, interpolated where needed."""
    faces = []
    for frame in frames:
        for track in tracks:
            point = track.at(frame.t, max_gap=1.0)
            if point is None or not _overlaps(point, frame.rgb):
                continue
            faces.append(
                DetectedFace(
                    frame=frame.index,
                    t=frame.t,
                    track=track.number,
                    box=point.box,
                    landmarks=point.landmarks,
                    confidence=point.confidence,
                    quality=face_quality(frame.rgb, point.box, point.landmarks, posed=point.posed),
                    interpolated=not point.detected,
                )
            )
    return tuple(faces)


def _overlaps(point: TrackPoint, rgb: NDArray[np.uint8]) -> bool:
    x1, y1, x2, y2 = point.box
    return x2 > 0 and y2 > 0 and x1 < rgb.shape[1] and y1 < rgb.shape[0]


def _clips(tracks: list[Track], decoded: Decoded) -> tuple[FaceClip, ...]:
    """The longest unbroken native-rate run of each of the most-seen tracks."""
    if not decoded.dense:
        return ()
    clips = []
    for track in sorted(tracks, key=lambda track: -len(track.points))[:_CLIP_TRACKS]:
        run = _longest_run(track, decoded.dense)
        if run and run[-1][0].t - run[0][0].t >= _CLIP_MIN_S:
            clips.append(_clip(track.number, run, decoded.frames[0].rgb.shape[1]))
    return tuple(clips)


def _longest_run(track: Track, dense: tuple[Frame, ...]) -> list[tuple[Frame, TrackPoint]]:
    best: list[tuple[Frame, TrackPoint]] = []
    run: list[tuple[Frame, TrackPoint]] = []
    for frame in dense:
        point = track.at(frame.t, max_gap=3 * _DENSE_STEP_S)
        if point is None:
            run = []
            continue
        run.append((frame, point))
        if len(run) > len(best):
            best = list(run)
    return best


def _clip(number: int, run: list[tuple[Frame, TrackPoint]], full_width: int) -> FaceClip:
    times = np.array([frame.t for frame, _ in run], np.float64)
    boxes = np.array([point.box for _, point in run], np.float64)
    span = max(1, round(_SMOOTHING_S * len(run) / max(times[-1] - times[0], 1e-6)))
    boxes = uniform_filter1d(boxes, span, axis=0, mode="nearest")
    pictures, landmarks = [], []
    for (frame, point), box in zip(run, boxes, strict=True):
        ratio = frame.rgb.shape[1] / full_width
        x1, y1, x2, y2 = (box * ratio).tolist()
        left, top, side = crop_square((x1, y1, x2, y2), CLIP_MARGIN)
        pictures.append(crop_face(frame.rgb, (x1, y1, x2, y2), CLIP_MARGIN, CLIP_SIZE))
        landmarks.append((point.landmarks * ratio - (left, top)) * (CLIP_SIZE / side))
    return FaceClip(
        track=number,
        t=times,
        rgb=np.stack(pictures),
        landmarks=np.stack(landmarks).astype(np.float32),
    )
