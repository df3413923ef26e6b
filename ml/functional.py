"""The functional interface of an earlier system, on this one's networks and rules.

What differs on purpose: a checkpoint is loaded strictly or not at all, never run untrained, and
the fused verdict follows from the shown weights alone.
"""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ml.answers import confidence_of
from ml.detector import DeepfakeDetector, pick_device
from ml.errors import WeightsCode, WeightsError
from ml.media.detectors import FaceDetector, face_detector
from ml.models.mel_xception import MelXception as AudioXceptionClassifier
from ml.models.xception import Xception as VideoXceptionModel
from ml.models.xception import load_strict, normalise_keys
from ml.parameters import Parameters
from ml.result import AnalysisResult, MediaKind, Verdict

__all__ = [
    "AdaptiveFusionModule",
    "AudioXceptionClassifier",
    "VideoXceptionModel",
    "analyze_results",
    "load_checkpoint_auto",
    "process_video_multimodal",
    "setup_face_detection",
]

PROFILE = "system1"


class AdaptiveFusionModule(nn.Module):
    """Z = alpha_v Z_v + alpha_a Z_a with alpha_i = exp(tau r_i) / sum exp(tau r_j), where r_i is
    the larger class probability of modality i and Z are logits."""

    def __init__(self, tau: float = 1.0) -> None:
        super().__init__()
        self.tau = tau

    def forward(self, video: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, 2) each -> fused logits (B, 2) and the weights of video and audio (B, 2)."""
        both = torch.stack([video, audio], dim=1)
        certainty = both.softmax(dim=2).amax(dim=2)
        weights = (self.tau * certainty).softmax(dim=1)
        return (weights[..., None] * both).sum(dim=1), weights


def load_checkpoint_auto(
    model: nn.Module, path: Path | str, is_video_model: bool = True
) -> nn.Module:
    """Fill ``model`` from a .pth or .safetensors checkpoint and set it to eval.

    Wrappers ("module.", "model.", "backbone." ...), ``last_linear`` and two-dimensional pointwise
    weights are understood for a video model; an audio model's keys are taken as they are. A
    pickle is read without running its code. Raises WeightsError (missing, key_mismatch).
    """
    state = _tensors(Path(path))
    try:
        load_strict(model, normalise_keys(state) if is_video_model else state)
    except ValueError as error:
        raise WeightsError(WeightsCode.KEY_MISMATCH, str(error)) from error
    return model.eval()


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(str(path))
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(WeightsCode.MISSING, f"{path} cannot be read: {error}.") from error
    except (RuntimeError, ValueError, SafetensorError, EOFError, UnpicklingError) as error:
        raise WeightsError(
            WeightsCode.KEY_MISMATCH, f"{path} is not a checkpoint of tensors: {error}"
        ) from error
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise WeightsError(WeightsCode.KEY_MISMATCH, f"{path} holds no state dict of tensors.")
    return state


def setup_face_detection(name: str = "mtcnn_haar", device: str = "auto") -> FaceDetector:
    """ "mtcnn", "haar", or MTCNN with Haar as its reserve."""
    return face_detector(name, pick_device(device))


def process_video_multimodal(
    video_path: Path | str,
    *,
    fusion_strategy: str = "adaptive",
    audio_temperature: float = 2.0,
    frame_step: int = 5,
    max_frames: int = 300,
    detector: DeepfakeDetector | None = None,
) -> AnalysisResult:
    """The finding on a video's faces and sound; ``detector`` (profile system1 by default) may be
    given to load its networks once. Raises MediaError, ParameterError, WeightsError."""
    parameters = Parameters.from_dict(
        {
            "fusion_strategy": fusion_strategy,
            "audio_temperature": audio_temperature,
            "frame_step": frame_step,
            "max_frames": max_frames,
        }
    )
    detector = detector or DeepfakeDetector(profile=PROFILE)
    return detector.analyze(video_path, parameters=parameters).result


def analyze_results(result: AnalysisResult, decision_threshold: float = 0.5) -> dict[str, Any]:
    """The verdict under another threshold (0.3 to 0.7, else ParameterError), with each modality's
    contribution in log-odds.

    An inconclusive finding stays inconclusive, and one that a threshold would turn against its own
    evidence becomes so: a threshold adds no evidence.
    """
    Parameters.from_dict({"threshold": decision_threshold})
    decision = result.decision
    verdict = decision.verdict
    if decision.probability is not None:
        fake = decision.probability >= decision_threshold
        if fake is not (verdict is Verdict.FAKE):
            verdict = Verdict.INCONCLUSIVE
    parts = {"audio": 0.0, "video": 0.0}
    for item in decision.contributions:
        heard = result.branch(item.branch).modality is MediaKind.AUDIO
        parts["audio" if heard else "video"] += item.value
    return {
        "prediction": str(verdict),
        "confidence": confidence_of(verdict, decision.probability),
        "fake_probability": decision.probability,
        "decision_threshold": decision_threshold,
        "contributions": parts,
        "fusion_strategy": decision.strategy,
        "reason": decision.reason,
    }
