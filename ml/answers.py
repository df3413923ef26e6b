"""Findings in the dictionaries that earlier systems answered with.

The SDK (``DeepfakeDetector.detect_*``) and the compatibility routes of the API share them. Where
no number can be stated, it is None: an abstention is never turned into a confident answer.
Probabilities are posteriors of FAKE in [0, 1]; times are seconds; boxes are pixels
[x1, y1, x2, y2].
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from ml.result import AnalysisResult, BranchResult, BranchStatus, MediaKind, ScoredItem, Verdict

MODALITY_WEIGHTS = {"audio": 0.3, "image": 0.3, "video": 0.4}
# The branch that the earlier systems named for a kind of file, and its name there.
USUAL = {
    MediaKind.AUDIO: ("aasist", "AASIST"),
    MediaKind.IMAGE: ("xception", "Xception"),
    MediaKind.VIDEO: ("resnext_lstm", "ResNeXt-LSTM"),
}
FEATURES = {"cqcc_cnn": "constant-Q cepstra", "mel_xception": "mel spectrogram"}
VERDICT_WORDS = {
    Verdict.FAKE: "Deepfake",
    Verdict.REAL: "Authentic",
    Verdict.INCONCLUSIVE: "Inconclusive",
}


def confidence(result: AnalysisResult) -> float | None:
    """Probability of the stated verdict; None when the finding is inconclusive."""
    return confidence_of(result.decision.verdict, result.decision.probability)


def confidence_of(verdict: str, probability: float | None) -> float | None:
    """Probability of ``verdict`` when FAKE has ``probability``; None for INCONCLUSIVE."""
    if probability is None or verdict == Verdict.INCONCLUSIVE:
        return None
    return probability if verdict == Verdict.FAKE else 1.0 - probability


def detection(result: AnalysisResult) -> dict[str, Any]:
    """``{prediction, confidence, model, processing_time, details}`` by the kind of the file."""
    kind = result.input.kind
    answer: dict[str, Any] = {
        "prediction": str(result.decision.verdict),
        "confidence": confidence(result),
    }
    if kind is MediaKind.IMAGE:
        answer["faces_detected"] = len(result.faces)
    if kind is MediaKind.VIDEO:
        answer["frames_analyzed"] = len({face.frame for face in result.faces})
    details = {
        MediaKind.AUDIO: _audio_details,
        MediaKind.IMAGE: _image_details,
        MediaKind.VIDEO: _video_details,
    }
    return answer | {
        "model": _named(result)[1],
        "processing_time": processing_time(result),
        "details": details[kind](result),
    }


def multimodal(results: Mapping[str, AnalysisResult]) -> dict[str, Any]:
    """One answer for an audio, an image and a video file, any of which may be missing.

    The probabilities are averaged with weights 0.3, 0.3 and 0.4, scaled to the files that have
    one. The side that the average favours is stated when at least one file's own finding says
    the same; abstentions do not add up to a verdict. ValueError without any file.
    """
    if not results:
        raise ValueError("Give at least one of audio, image and video.")
    scored = {
        name: result.decision.probability
        for name, result in results.items()
        if result.decision.probability is not None
    }
    total = sum(MODALITY_WEIGHTS[name] for name in scored)
    weights = {name: MODALITY_WEIGHTS[name] / total if name in scored else 0.0 for name in results}
    fused = sum(weights[name] * value for name, value in scored.items()) if scored else None
    threshold = next(iter(results.values())).decision.threshold
    prediction = _fused_verdict(fused, threshold)
    if all(result.decision.verdict is not prediction for result in results.values()):
        prediction = Verdict.INCONCLUSIVE
    return {
        "final_prediction": str(prediction),
        "confidence": confidence_of(prediction, fused),
        "individual_scores": {
            name: {
                "prediction": str(result.decision.verdict),
                "confidence": confidence(result),
                "weight": weights[name],
            }
            for name, result in results.items()
        },
        "fusion_method": "weighted_average",
        "processing_time": round(sum(processing_time(result) for result in results.values()), 3),
        "explanation": _explanation(prediction, weights, scored),
    }


def probability_answer(result: AnalysisResult) -> dict[str, Any]:
    """``{deepfake_probability, is_deepfake, confidence, frame_consistency_score,
    recommendation}``; ``is_deepfake`` is None when the finding is inconclusive."""
    verdict = result.decision.verdict
    return {
        "deepfake_probability": result.decision.probability,
        "is_deepfake": None if verdict is Verdict.INCONCLUSIVE else verdict is Verdict.FAKE,
        "confidence": confidence(result),
        "frame_consistency_score": temporal_consistency(result),
        "recommendation": result.decision.recommendation,
    }


def verdict_answer(result: AnalysisResult) -> dict[str, Any]:
    """``{verdict: "Deepfake" | "Authentic" | "Inconclusive", confidence: 0-100}``."""
    stated = confidence(result)
    return {
        "verdict": VERDICT_WORDS[result.decision.verdict],
        "confidence": None if stated is None else round(100 * stated, 1),
    }


def processing_time(result: AnalysisResult) -> float:
    """Seconds the whole analysis took."""
    timings = result.provenance.timings_s
    return round(timings.get("total", sum(timings.values())), 3)


def temporal_consistency(result: AnalysisResult) -> float | None:
    """1 less the mean change of the frame probability from one scored frame to the next; None
    with fewer than two scored frames."""
    branch = _frame_branch(result)
    scores = [_sigmoid(_lean(item)) for item in branch.items] if branch else []
    if len(scores) < 2:
        return None
    steps = [abs(after - before) for before, after in pairwise(scores)]
    return round(1.0 - sum(steps) / len(steps), 4)


def _named(result: AnalysisResult) -> tuple[str, str]:
    """Name and title of the branch that stands for the file: the usual one, unless the profile
    scored others in its place."""
    kind = result.input.kind
    scored = {
        branch.name: branch.title
        for branch in result.branches
        if branch.status is BranchStatus.SCORED and branch.modality is kind
    }
    usual = USUAL[kind]
    return usual if usual[0] in scored else next(iter(scored.items()), usual)


def _audio_details(result: AnalysisResult) -> dict[str, Any]:
    return {
        "audio_duration": result.media.duration_s,
        "sample_rate": 16000,
        "features_extracted": FEATURES.get(_named(result)[0], "raw waveform"),
    }


def _image_details(result: AnalysisResult) -> dict[str, Any]:
    image = result.media.image
    return {
        "face_locations": [[round(edge) for edge in face.box] for face in result.faces],
        "image_size": [image.width, image.height] if image else None,
        "manipulation_regions": [],
    }


def _video_details(result: AnalysisResult) -> dict[str, Any]:
    video = result.media.video
    branch = _frame_branch(result)
    suspicious = {item.start for item in branch.items if _lean(item) > 0} if branch else set()
    return {
        "video_duration": result.media.duration_s,
        "fps": video.fps if video else None,
        "temporal_consistency": temporal_consistency(result),
        "suspicious_frames": sorted({face.frame for face in result.faces if face.t in suspicious}),
    }


def _lean(item: ScoredItem) -> float:
    """ln LR of a frame on the recording's scale; the logit of results that hold none."""
    return item.logit if item.llr is None else item.llr


def _frame_branch(result: AnalysisResult) -> BranchResult | None:
    """The branch that scores single frames, if it did."""
    for branch in result.branches:
        if branch.name == "xception" and branch.status is BranchStatus.SCORED:
            return branch
    return None


def _fused_verdict(probability: float | None, threshold: float) -> Verdict:
    if probability is None:
        return Verdict.INCONCLUSIVE
    return Verdict.FAKE if probability >= threshold else Verdict.REAL


def _explanation(
    prediction: Verdict, weights: Mapping[str, float], scored: Mapping[str, float]
) -> str:
    if not scored:
        return "No file could be scored, so nothing is concluded."
    name = max(scored, key=lambda one: weights[one] * abs(scored[one] - 0.5))
    words = f"The {name} contributed most (probability of FAKE {scored[name]:.2f})."
    if prediction is Verdict.INCONCLUSIVE:
        words += " No file's own finding supports the side of the average: nothing is concluded."
    return words


def _sigmoid(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, logit))))
