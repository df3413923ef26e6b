"""Do the lips move with the sound? Distance between mouth and speech for shifts of ±15 frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import medfilt

from ml.branches.base import BranchOutput
from ml.branches.face_scores import NO_MOTION
from ml.branches.lip_input import LipInput, lip_input
from ml.media.prepared import PreparedMedia
from ml.models.sync_net import FRAME_RATE, REACH, SyncNet, distance_by_shift
from ml.result import BranchStatus, Curve, MediaKind
from ml.weights.registry import WeightRegistry

TOLERANCE = 1
SMOOTHING = 9
SPEECH_S = 1.0


class AvSyncBranch:
    """Synchrony of the main face. The logit is high when nothing near the recording's own
    alignment fits better than other alignments do; well-made lip-sync forgeries fit well."""

    name = "av_sync"
    version = "1"
    title = "Lip synchrony (SyncNet)"
    modality = MediaKind.VIDEO
    weights = "av_sync"

    def load(self, registry: WeightRegistry, device: torch.device) -> None:
        """Load the network. Raises WeightsError."""
        self.entry = registry.require(self.weights, frame_rate=FRAME_RATE)
        self.device = device
        self.model = SyncNet(**self.entry.config)
        registry.load_into(self.weights, self.model)
        self.model = self.model.to(device)

    def run(self, media: PreparedMedia) -> BranchOutput:
        """Score and explain; not applicable without a face, sound and speech together."""
        if reason := media.blocked(self.name):
            return BranchOutput.not_applicable(reason)
        if media.waveform is None:
            return BranchOutput.not_applicable("The recording has no sound.")
        if not media.clips:
            unseen = "No face is seen without a break for a second."
            return BranchOutput.not_applicable(unseen if media.frames else NO_MOTION)
        if not media.speech:
            return BranchOutput.not_applicable("No speech was found in the sound.")
        lips = lip_input(media.clips[0], media.waveform, media.audio_start)
        if lips is None:
            return BranchOutput.not_applicable("Face and sound overlap by less than 1.2 seconds.")
        spoken = seconds_within(media.speech, *(lips.t[[0, -1]] - media.audio_start))
        if spoken < SPEECH_S:
            return BranchOutput.not_applicable(
                "Less than a second of speech falls into the time the face is seen."
            )
        distances = self.distances(lips)
        mean = np.mean(distances, axis=0)
        shifts = np.arange(-REACH, REACH + 1)
        offset = int(shifts[mean.argmin()])
        synchrony = float(np.median(mean) - mean[np.abs(shifts) <= TOLERANCE].min())
        reference = self.entry.preprocessing["synchrony_mean"]
        spread = self.entry.preprocessing["synchrony_deviation"]
        own = np.median(distances, axis=1) - distances[:, REACH]
        return BranchOutput(
            status=BranchStatus.SCORED,
            logit=(reference - synchrony) / spread,
            curves=(
                Curve(
                    "distance by shift",
                    tuple(float(s * 1000 / FRAME_RATE) for s in shifts),
                    tuple(map(float, mean)),
                    "ms",
                    "distance",
                ),
                Curve(
                    "synchrony",
                    tuple(map(float, lips.t)),
                    tuple(map(float, medfilt(own, SMOOTHING))),
                    "s",
                    "median distance - distance",
                ),
            ),
            details={
                "offset_frames": offset,
                "offset_ms": offset * 1000 / FRAME_RATE,
                "confidence": float(np.median(mean) - mean.min()),
                "synchrony_at_zero": synchrony,
                "frames": len(lips.t),
            },
        )

    def distances(self, lips: LipInput) -> NDArray[np.float64]:
        """(T, 31): distance of each frame's mouth to the sound at each shift."""
        with torch.inference_mode():
            video = self.model.embed_video(torch.from_numpy(lips.mouths)[None].to(self.device))
            audio = self.model.embed_audio(torch.from_numpy(lips.mels)[None].to(self.device))
            table = distance_by_shift(video[0], audio[0])
        return np.asarray(table.double().cpu().numpy())


def seconds_within(stretches: Sequence[tuple[float, float]], first: float, last: float) -> float:
    """Seconds of ``stretches`` that lie between ``first`` and ``last``."""
    return sum(max(0.0, min(end, last) - max(start, first)) for start, end in stretches)


def create() -> AvSyncBranch:
    """The branch, not yet loaded."""
    return AvSyncBranch()
