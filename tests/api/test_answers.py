"""The dictionaries of earlier systems, key by key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ml import answers
from ml.result import BranchResult, BranchStatus, MediaKind, Verdict
from tests.api.results import result


def test_audio() -> None:
    assert answers.detection(result(MediaKind.AUDIO)) == {
        "prediction": "FAKE",
        "confidence": 0.9,
        "model": "AASIST",
        "processing_time": 1.25,
        "details": {
            "audio_duration": 3.5,
            "sample_rate": 16000,
            "features_extracted": "raw waveform",
        },
    }


def test_the_branch_that_was_scored_is_named() -> None:
    heard = BranchResult(
        "cqcc_cnn", "1", "Constant-Q cepstra (CNN)", MediaKind.AUDIO, BranchStatus.SCORED, logit=1.0
    )
    usual = replace(heard, name="aasist", title="Speech waveform (AASIST)")
    silent = replace(heard, status=BranchStatus.NOT_APPLICABLE)
    for branches, model, features in (
        ((heard,), "Constant-Q cepstra (CNN)", "constant-Q cepstra"),
        ((heard, usual), "AASIST", "raw waveform"),
        ((silent,), "AASIST", "raw waveform"),
    ):
        answer = answers.detection(replace(result(MediaKind.AUDIO), branches=branches))
        assert answer["model"] == model
        assert answer["details"]["features_extracted"] == features


def test_image() -> None:
    assert answers.detection(result(MediaKind.IMAGE, Verdict.REAL, 0.2)) == {
        "prediction": "REAL",
        "confidence": 0.8,
        "faces_detected": 1,
        "model": "Xception",
        "processing_time": 1.25,
        "details": {
            "face_locations": [[10, 5, 40, 45]],
            "image_size": [64, 48],
            "manipulation_regions": [],
        },
    }


def test_video() -> None:
    answer = answers.detection(result(MediaKind.VIDEO))

    # The frame probability swings between 0.88 and 0.12, a change of 0.76 at each step.
    assert answer["details"].pop("temporal_consistency") == pytest.approx(0.2384, abs=1e-4)
    assert answer == {
        "prediction": "FAKE",
        "confidence": 0.9,
        "frames_analyzed": 3,
        "model": "ResNeXt-LSTM",
        "processing_time": 1.25,
        "details": {"video_duration": 10.0, "fps": 25.0, "suspicious_frames": [0, 50]},
    }


def test_inconclusive_states_no_confidence() -> None:
    silent = result(MediaKind.AUDIO, Verdict.INCONCLUSIVE, None)

    assert answers.detection(silent)["prediction"] == "INCONCLUSIVE"
    assert answers.detection(silent)["confidence"] is None
    assert answers.verdict_answer(silent) == {"verdict": "Inconclusive", "confidence": None}
    assert answers.probability_answer(silent)["is_deepfake"] is None


def test_verdict_and_probability() -> None:
    fake, real = result(MediaKind.VIDEO), result(MediaKind.VIDEO, Verdict.REAL, 0.05)

    assert answers.verdict_answer(fake) == {"verdict": "Deepfake", "confidence": 90.0}
    assert answers.verdict_answer(real) == {"verdict": "Authentic", "confidence": 95.0}
    answer = answers.probability_answer(real)
    assert set(answer) == {
        "deepfake_probability",
        "is_deepfake",
        "confidence",
        "frame_consistency_score",
        "recommendation",
    }
    assert (answer["deepfake_probability"], answer["is_deepfake"]) == (0.05, False)


def test_multimodal_weights_are_scaled_to_the_files_that_have_a_number() -> None:
    answer = answers.multimodal(
        {
            "audio": result(MediaKind.AUDIO, Verdict.FAKE, 0.9),
            "image": result(MediaKind.IMAGE, Verdict.INCONCLUSIVE, None),
            "video": result(MediaKind.VIDEO, Verdict.REAL, 0.2),
        }
    )

    assert answer["individual_scores"]["audio"] == {
        "prediction": "FAKE",
        "confidence": 0.9,
        "weight": pytest.approx(3 / 7),
    }
    assert answer["individual_scores"]["image"]["weight"] == 0.0
    # 3/7 of 0.9 and 4/7 of 0.2
    assert answer["final_prediction"] == "FAKE"
    assert answer["confidence"] == pytest.approx(0.5)
    assert answer["fusion_method"] == "weighted_average"
    assert answer["processing_time"] == 3.75
    assert "audio contributed most" in answer["explanation"]


def test_abstentions_do_not_add_up_to_a_verdict() -> None:
    """Three findings that support neither side are no finding together."""
    undecided = {
        str(kind): result(kind, Verdict.INCONCLUSIVE, 0.6)
        for kind in (MediaKind.AUDIO, MediaKind.IMAGE, MediaKind.VIDEO)
    }
    answer = answers.multimodal(undecided)

    assert (answer["final_prediction"], answer["confidence"]) == ("INCONCLUSIVE", None)
    assert "nothing is concluded" in answer["explanation"]
    against = undecided | {"audio": result(MediaKind.AUDIO, Verdict.REAL, 0.4)}
    assert answers.multimodal(against)["final_prediction"] == "INCONCLUSIVE"
    with_one = undecided | {"audio": result(MediaKind.AUDIO, Verdict.FAKE, 0.9)}
    assert answers.multimodal(with_one)["final_prediction"] == "FAKE"


def test_multimodal_without_a_number_abstains() -> None:
    answer = answers.multimodal({"audio": result(MediaKind.AUDIO, Verdict.INCONCLUSIVE, None)})

    assert (answer["final_prediction"], answer["confidence"]) == ("INCONCLUSIVE", None)
    with pytest.raises(ValueError, match="at least one"):
        answers.multimodal({})
