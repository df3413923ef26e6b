"""What the branches that listen to speech share: windows, scores, timeline and occlusion."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from torch import Tensor, nn

from ml.branches.base import BranchOutput
from ml.explain.audio import SAMPLE_RATE, Wave, occlude_frequency, occlude_time
from ml.media.prepared import PreparedMedia
from ml.media.windows import level, repeat_to, window_starts
from ml.result import BranchStatus, Curve, MediaKind, ScoredItem
from ml.weights.registry import WeightEntry, WeightRegistry

SAMPLES = 64_600
RMS = 0.05
HOP_S = 1.0
MOST_WINDOWS = 64
MIN_SPEECH_S = 1.0
BATCH = 8


class SpeechNetworkBranch:
    """A network fed with waveforms, on sliding windows, which ``pooled`` joins to one logit.

    ``build`` makes the network from the registry entry, ``samples`` is the length of a window
    (4.04 s by default). ``label_polarity`` of the entry says which way its output points; logits
    leave here positive for FAKE.
    """

    modality = MediaKind.AUDIO

    def __init__(
        self,
        name: str,
        version: str,
        title: str,
        build: Callable[[WeightEntry], nn.Module],
        samples: int = SAMPLES,
    ) -> None:
        self.name = name
        self.version = version
        self.title = title
        self.weights = name
        self.samples = samples
        self._build = build

    def load(self, registry: WeightRegistry, device: torch.device) -> None:
        """Load the network. Raises WeightsError."""
        self.entry = registry.require(
            self.weights, sample_rate=SAMPLE_RATE, samples=self.samples, rms=RMS
        )
        self.device = device
        self.model = self._build(self.entry)
        registry.load_into(self.weights, self.model)
        self.model.to(device)

    def run(self, media: PreparedMedia) -> BranchOutput:
        """Score every window that holds speech; not applicable without speech."""
        if reason := media.blocked(self.name):
            return BranchOutput.not_applicable(reason)
        wave = media.waveform
        if wave is None or wave.size == 0:
            return BranchOutput.not_applicable("The recording has no sound.")
        hop = max(HOP_S, wave.size / SAMPLE_RATE / MOST_WINDOWS)
        starts = speech_windows(wave.size, media.speech, hop, self.samples)
        if not starts:
            return BranchOutput.not_applicable("No speech was found in the recording.")
        windows = [repeat_to(wave[start:], self.samples) for start in starts]
        logits = self.score(windows)
        items = tuple(
            ScoredItem(
                media.audio_start + start / SAMPLE_RATE,
                media.audio_start + min(start + self.samples, wave.size) / SAMPLE_RATE,
                float(logit),
            )
            for start, logit in zip(starts, logits, strict=True)
        )
        peak = int(np.argmax(logits))
        return BranchOutput(
            status=BranchStatus.SCORED,
            logit=self.pooled(logits),
            items=items,
            curves=(*self._timeline(items), *self._occlusion(windows[peak], items[peak])),
            details={
                "windows": len(starts),
                "window_s": self.samples / SAMPLE_RATE,
                "hop_s": round(hop, 3),
                "aggregation": self.aggregation,
                "highest_window_logit": float(logits[peak]),
                "repeated_to_fill_a_window": wave.size < self.samples,
            },
        )

    @property
    def aggregation(self) -> str:
        """How the windows that hold speech become one logit, in words."""
        kind = "log-mean-exp" if self._sharpness() else "mean"
        return f"{kind} of the windows that hold speech"

    def pooled(self, logits: NDArray[np.float64]) -> float:
        """One logit of those of the windows (N,): their mean, or, where the weight names a
        ``sharpness``, the log-mean-exp, in which a short spliced part is not averaged away.
        ``window_penalty`` takes back what that adds to a genuine recording of many windows."""
        sharpness = self._sharpness()
        if not sharpness:
            return float(np.mean(logits))
        pooled = (logsumexp(sharpness * logits) - np.log(len(logits))) / sharpness
        penalty = float(self.entry.preprocessing.get("window_penalty", 0.0))
        return float(pooled - penalty * (1 - 1 / len(logits)))

    def _sharpness(self) -> float:
        return float(self.entry.preprocessing.get("sharpness", 0.0))

    def score(self, windows: Sequence[Wave]) -> NDArray[np.float64]:
        """Logits (N,), positive for FAKE, of windows of ``samples`` samples at any level."""
        scores = []
        for begin in range(0, len(windows), BATCH):
            batch = np.stack([level(window, RMS) for window in windows[begin : begin + BATCH]])
            with torch.inference_mode():
                output = self.forward(torch.from_numpy(batch).to(self.device)).float()
            scores.append(self._fake_logit(output).cpu().double().numpy())
        return np.concatenate(scores)

    def forward(self, waves: Tensor) -> Tensor:
        """The network's output for windows (B, samples)."""
        output: Tensor = self.model(waves)
        return output

    def _fake_logit(self, output: Tensor) -> Tensor:
        rising = output if output.ndim == 1 else output[:, 1] - output[:, 0]
        return rising if self.entry.label_polarity == "class1_fake" else -rising

    def _timeline(self, items: Sequence[ScoredItem]) -> tuple[Curve, ...]:
        if len(items) < 2:
            return ()
        centres = tuple((item.start + item.end) / 2 for item in items)
        return (Curve("windows", centres, tuple(item.logit for item in items), "s", "logit"),)

    def _occlusion(self, window: Wave, item: ScoredItem) -> tuple[Curve, ...]:
        """How far the logit of the strongest window falls without each part and each band."""
        heard = item.end - item.start
        unique = window[: max(1, round(heard * SAMPLE_RATE))]

        def score(variants: Sequence[Wave]) -> NDArray[np.float64]:
            return self.score([repeat_to(variant, self.samples) for variant in variants])

        time = occlude_time(unique, score)
        band = occlude_frequency(unique, score)
        return (
            Curve(
                "without this moment",
                tuple(item.start + centre for centre in time.centres),
                time.drops,
                "s",
                "fall of the logit",
            ),
            Curve("without this band", band.centres, band.drops, "Hz", "fall of the logit"),
        )


def speech_windows(
    total: int, speech: Sequence[tuple[float, float]], hop_s: float, samples: int = SAMPLES
) -> list[int]:
    """Starts of the windows of ``samples`` that hold at least ``MIN_SPEECH_S`` of speech, or as
    much as the window that holds most; none without speech."""
    starts = window_starts(total, samples, round(hop_s * SAMPLE_RATE))
    heard = [
        sum(
            max(0.0, min(end, (at + samples) / SAMPLE_RATE) - max(start, at / SAMPLE_RATE))
            for start, end in speech
        )
        for at in starts
    ]
    if not any(heard):
        return []
    needed = min(MIN_SPEECH_S, max(heard))
    return [at for at, seconds in zip(starts, heard, strict=True) if seconds >= needed - 1e-6]
