"""Quality gates: what the branches were not validated for is named before they run."""

from __future__ import annotations

import numpy as np

from ml.media.prepared import DetectedFace
from ml.media.speech import SoundMeasures
from ml.result import QualityGate

FACE_BRANCHES = (
    "xception",
    "resnext_lstm",
    "temporal_bilstm",
    "tiny_ladeda",
    "autoencoder",
    "ensemble",
    "av_sync",
)
SPEECH_BRANCHES = ("aasist", "whisper", "mel_xception", "cqcc_cnn", "av_sync")

MIN_SPEECH_S = 1.0
MIN_SNR_DB = 5.0
MAX_CLIPPING = 0.02
MIN_BANDWIDTH_HZ = 3000.0
MIN_FACE_PX = 64.0
MIN_SHARPNESS = 10.0
MAX_YAW = 60.0
# The flattest of 3,190 face photographs has 0.18; faces filled with plain colours start at 0.2.
MAX_FLATNESS = 0.2


def sound_gates(sound: SoundMeasures) -> tuple[QualityGate, ...]:
    """Speech length, signal-to-noise ratio, clipping and bandwidth of a waveform."""
    gates = [
        _at_least(
            "speech",
            sound.speech_s,
            MIN_SPEECH_S,
            "s",
            f"Only {sound.speech_s:.1f} s of speech; at least {MIN_SPEECH_S:g} s are needed.",
            SPEECH_BRANCHES,
        ),
        _at_most(
            "clipping",
            sound.clipping,
            MAX_CLIPPING,
            "share",
            f"{sound.clipping:.1%} of the samples are at full scale (clipped).",
            SPEECH_BRANCHES,
        ),
    ]
    if sound.snr_db is not None:
        gates.append(
            _at_least(
                "signal_to_noise",
                sound.snr_db,
                MIN_SNR_DB,
                "dB",
                f"The speech is only {sound.snr_db:.0f} dB above the noise.",
                SPEECH_BRANCHES,
            )
        )
    if sound.bandwidth_hz is not None:
        gates.append(
            _at_least(
                "bandwidth",
                sound.bandwidth_hz,
                MIN_BANDWIDTH_HZ,
                "Hz",
                f"The sound ends at {sound.bandwidth_hz:.0f} Hz (a very narrow channel).",
                SPEECH_BRANCHES,
            )
        )
    return tuple(gates)


def face_gates(faces: tuple[DetectedFace, ...]) -> tuple[QualityGate, ...]:
    """Size, sharpness, grain and pose: the median over the faces of the main track."""
    if not faces:
        return ()
    size = float(np.median([face.quality.size_px for face in faces]))
    sharpness = float(np.median([face.quality.blur for face in faces]))
    flat = float(np.median([face.quality.flatness for face in faces]))
    turns = [abs(face.quality.yaw) for face in faces if face.quality.yaw is not None]
    gates = [
        _at_least(
            "face_size",
            size,
            MIN_FACE_PX,
            "px",
            f"The face is {size:.0f} pixels across; at least {MIN_FACE_PX:g} are needed.",
            FACE_BRANCHES,
        ),
        _at_least(
            "sharpness",
            sharpness,
            MIN_SHARPNESS,
            "Laplacian variance",
            "The face is too blurred to judge its texture.",
            FACE_BRANCHES,
        ),
        _at_most(
            "photograph",
            flat,
            MAX_FLATNESS,
            "share of flat pixels",
            f"The face looks drawn: {flat:.0%} of it is filled with flat colour, without the grain "
            "and shading of a photograph; the networks know photographs only.",
            FACE_BRANCHES,
        ),
    ]
    if turns:
        yaw = float(np.median(turns))
        gates.append(
            _at_most(
                "pose",
                yaw,
                MAX_YAW,
                "degrees",
                f"The face is turned {yaw:.0f} degrees away; the networks know up to "
                f"{MAX_YAW:g} degrees.",
                FACE_BRANCHES,
            )
        )
    return tuple(gates)


def _at_least(
    name: str, value: float, limit: float, unit: str, message: str, blocks: tuple[str, ...]
) -> QualityGate:
    return QualityGate(
        name,
        value,
        unit,
        f">= {limit:g}",
        value >= limit,
        "" if value >= limit else message,
        blocks,
    )


def _at_most(
    name: str, value: float, limit: float, unit: str, message: str, blocks: tuple[str, ...]
) -> QualityGate:
    return QualityGate(
        name,
        value,
        unit,
        f"<= {limit:g}",
        value <= limit,
        "" if value <= limit else message,
        blocks,
    )
