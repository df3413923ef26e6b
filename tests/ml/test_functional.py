"""The interfaces of two earlier systems: functions, classes and options as they had them."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ml import DeepfakeDetector, functional, inference
from ml.errors import MediaError, ParameterError, WeightsError
from ml.models.xception import Xception
from ml.result import AnalysisResult, Verdict
from tests.ml.drawn_face import draw_face
from tests.ml.small_registry import make_profile, make_registry
from tests.ml.test_prepare import video_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_registry(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return video_of(tmp_path_factory.mktemp("videos") / "v.mkv", [draw_face(192)] * 8)


def test_adaptive_fusion_trusts_the_surer_modality() -> None:
    video, audio = torch.tensor([[0.0, 4.0]]), torch.tensor([[0.2, 0.0]])
    fused, weights = functional.AdaptiveFusionModule(tau=1.0)(video, audio)
    certain = torch.stack([video.softmax(1).amax(1), audio.softmax(1).amax(1)], 1)
    torch.testing.assert_close(weights, certain.exp() / certain.exp().sum(1, keepdim=True))
    assert weights[0, 0] > weights[0, 1]
    torch.testing.assert_close(fused, weights[:, :1] * video + weights[:, 1:] * audio)
    _, equal = functional.AdaptiveFusionModule(tau=0.0)(video, audio)
    torch.testing.assert_close(equal, torch.full((1, 2), 0.5))


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_checkpoints_are_loaded_under_every_dialect_and_strictly(
    ending: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    trained = Xception()
    state = {
        "module.model." + key.replace("fc.", "last_linear."): value.clone()
        for key, value in trained.state_dict().items()
    }
    path = tmp_path / f"x.{ending}"
    if ending == "pth":
        torch.save({"state_dict": state}, path)
    else:
        save_file(state, path)
    loaded = functional.load_checkpoint_auto(functional.VideoXceptionModel(), path)
    assert not loaded.training
    assert all(
        torch.equal(value, trained.state_dict()[key]) for key, value in loaded.state_dict().items()
    )
    with pytest.raises(WeightsError, match="missing") as refused:
        functional.load_checkpoint_auto(functional.AudioXceptionClassifier(), path, False)
    assert refused.value.code == "key_mismatch"


class Hostile:
    """A pickle that would run code."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("run",))


def test_what_is_no_checkpoint_is_refused_and_its_code_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = tmp_path / "hostile.pth"
    hostile.write_bytes(pickle.dumps(Hostile()))
    text = tmp_path / "text.safetensors"
    text.write_text("no tensors")
    number = tmp_path / "number.pth"
    torch.save(3, number)
    for path in (hostile, text, number):
        with pytest.raises(WeightsError) as refused:
            functional.load_checkpoint_auto(Xception(), path)
        assert refused.value.code == "key_mismatch"
    with pytest.raises(WeightsError) as refused:
        functional.load_checkpoint_auto(Xception(), tmp_path / "none.pth")
    assert refused.value.code == "missing"
    assert capsys.readouterr().out == ""


def test_face_detection_is_set_up_by_name() -> None:
    assert "haar" in functional.setup_face_detection("mtcnn_haar", "cpu").name
    with pytest.raises(ParameterError):
        functional.setup_face_detection("ssd", "cpu")


def test_a_video_is_processed_and_its_result_analysed(folder: Path, video: Path) -> None:
    detector = DeepfakeDetector("cpu", make_profile(folder), folder)
    result = functional.process_video_multimodal(
        video, fusion_strategy="equal", audio_temperature=3.0, detector=detector
    )
    assert result.decision.strategy == "equal"
    assert result.provenance.parameters["audio_temperature"] == 3.0
    answer = functional.analyze_results(result, decision_threshold=0.5)
    assert answer["fake_probability"] == result.decision.probability
    total = sum(item.value for item in result.decision.contributions)
    assert answer["contributions"]["video"] == pytest.approx(total)
    assert answer["contributions"]["audio"] == 0.0
    with pytest.raises(ParameterError, match="threshold"):
        functional.analyze_results(result, 0.9)
    with pytest.raises(ParameterError):
        functional.process_video_multimodal(video, audio_temperature=99.0, detector=detector)


@pytest.fixture(scope="module")
def result(folder: Path, video: Path) -> AnalysisResult:
    detector = DeepfakeDetector("cpu", make_profile(folder), folder)
    return functional.process_video_multimodal(video, detector=detector)


@pytest.mark.parametrize(
    ("verdict", "probability", "threshold", "expected"),
    [
        (Verdict.FAKE, 0.6, 0.5, "FAKE"),
        (Verdict.FAKE, 0.6, 0.7, "INCONCLUSIVE"),
        (Verdict.REAL, 0.4, 0.5, "REAL"),
        (Verdict.REAL, 0.4, 0.3, "INCONCLUSIVE"),
        (Verdict.INCONCLUSIVE, 0.6, 0.5, "INCONCLUSIVE"),
        (Verdict.INCONCLUSIVE, None, 0.5, "INCONCLUSIVE"),
    ],
)
def test_a_threshold_adds_no_evidence(
    result: AnalysisResult,
    verdict: Verdict,
    probability: float | None,
    threshold: float,
    expected: str,
) -> None:
    given = replace(result.decision, verdict=verdict, probability=probability)
    answer = functional.analyze_results(replace(result, decision=given), threshold)
    assert answer["prediction"] == expected


def test_predictions_are_triples(folder: Path, video: Path, tmp_path: Path) -> None:
    detector = inference.DeepfakeDetector(folder, "cpu", make_profile(folder))
    is_fake, confidence, details = detector.predict_video(video)
    assert (is_fake is None) == (details["verdict"] == "INCONCLUSIVE")
    assert (confidence is None) == (is_fake is None)
    bad = tmp_path / "a.mp4"
    bad.write_bytes(b"")
    first, second = detector.batch_predict([bad, video])
    assert first == (None, None, {"error": "empty", "message": first[2]["message"]})
    assert second == (is_fake, confidence, details)
    with pytest.raises(MediaError):
        detector.predict_video(bad)


def test_the_options_of_the_inference_script(
    folder: Path, video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = ["--model_path", str(folder), "--profile", str(make_profile(folder))]
    out = tmp_path / "results.json"
    arguments = ["--batch_paths", str(video), "--output_file", str(out), *profile]
    assert inference.main([*arguments, "--confidence_threshold", "0.7", "--device", "cpu"]) == 0
    answer = json.loads(out.read_text())[str(video)]
    assert answer["confident"] == (answer["confidence"] is not None and answer["confidence"] >= 0.7)
    assert inference.main(["--video_path", str(tmp_path / "none.mp4"), *profile]) == 1
    assert "There is no file" in capsys.readouterr().out
    assert inference.main(["--realtime", str(video), *profile]) == 0
    assert "rolling" in capsys.readouterr().out
    assert inference.main(["--video_path", str(video), "--model_path", str(tmp_path)]) == 3
    assert inference.main(["--realtime", str(tmp_path / "none.mp4"), *profile]) == 1
    assert inference.main(["--video_path", str(video), "--profile", "none"]) == 2
    strict = ["--video_path", str(video), "--confidence_threshold", "7", *profile]
    assert inference.main(strict) == 2
    nowhere = ["--video_path", str(video), "--output_file", str(tmp_path / "no" / "r.json")]
    assert inference.main([*nowhere, *profile]) == 1
    assert "No such file" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        inference.main(["--model_path", str(folder)])
