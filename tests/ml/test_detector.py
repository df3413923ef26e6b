"""The whole path from file to finding, with a small seeded network."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from ml import DeepfakeDetector
from ml.errors import MediaError, WeightsError
from ml.fusion.calibration import Calibrator, CalibratorKind
from ml.media import prepare
from ml.media.decoded import Decoded
from ml.media.plan import DecodePlan
from ml.parameters import Parameters
from ml.pool import BranchPool
from ml.result import AnalysisResult, BranchStatus, MediaKind, Verdict
from tests.ml.drawn_face import draw_face, synthesise_voice
from tests.ml.media_samples import write_video, write_wav
from tests.ml.rtsp_server import camera
from tests.ml.small_registry import make_profile, make_registry
from tests.ml.test_prepare import video_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_registry(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def detector(folder: Path) -> DeepfakeDetector:
    return DeepfakeDetector("cpu", make_profile(folder), folder)


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("faces") / "face.png"
    Image.fromarray(draw_face(256)).save(path)
    return path


def without_clock(result: AnalysisResult) -> AnalysisResult:
    return replace(result, provenance=replace(result.provenance, timings_s={}))


def test_a_finding_on_a_picture(detector: DeepfakeDetector, face: Path) -> None:
    outcome = detector.analyze(face)
    result = outcome.result
    branch = result.branch("tiny_ladeda")
    assert branch.status is BranchStatus.SCORED
    assert branch.llr is not None
    assert result.decision.llr == pytest.approx(branch.llr)
    assert result.faces[0].logit == pytest.approx(branch.logit)
    missing = result.branch("aasist")
    assert missing.status is BranchStatus.NO_WEIGHTS
    assert (missing.title, missing.modality) == ("Speech waveform (AASIST)", MediaKind.AUDIO)
    assert result.branch("metadata").status is BranchStatus.REPORTED
    assert result.input.sha256 == hashlib.sha256(face.read_bytes()).hexdigest()
    assert branch.weights_sha256
    assert branch.calibrator_sha256
    assert "Content Credentials" in " ".join(result.sentences)


def test_every_artefact_is_listed_with_its_own_hash(detector: DeepfakeDetector, face: Path) -> None:
    outcome = detector.analyze(face)
    assert [item.facts for item in outcome.artefacts] == list(outcome.result.artefacts)
    kinds = {item.facts.kind for item in outcome.artefacts}
    assert {"frame", "thumbnail", "heatmap"} <= kinds
    known = {outcome.result.input.sha256} | {item.facts.sha256 for item in outcome.artefacts}
    for item in outcome.artefacts:
        assert hashlib.sha256(item.content).hexdigest() == item.facts.sha256
        assert len(item.content) == item.facts.size
        assert item.facts.parent_sha256 in known


def test_the_same_file_twice_gives_the_same_bits(
    detector: DeepfakeDetector, folder: Path, tmp_path: Path
) -> None:
    pictures = [draw_face(192, centre=(0.45 + 0.01 * i, 0.5)) for i in range(6)]
    path = video_of(tmp_path / "a.mkv", pictures)
    first = detector.analyze(path)
    fresh = DeepfakeDetector("cpu", make_profile(folder), folder)
    second = fresh.analyze(path)
    assert without_clock(first.result).to_json() == without_clock(second.result).to_json()
    assert [a.content for a in first.artefacts] == [a.content for a in second.artefacts]
    assert first.result.provenance.deterministic


def test_the_result_round_trips_through_json(detector: DeepfakeDetector, face: Path) -> None:
    result = detector.analyze(face).result
    assert AnalysisResult.from_json(result.to_json()) == result


def test_progress_rises_through_the_stages(detector: DeepfakeDetector, face: Path) -> None:
    seen: list[tuple[str, float]] = []
    detector.analyze(face, on_progress=lambda stage, share: seen.append((stage, share)))
    stages = list(dict.fromkeys(stage for stage, _ in seen))
    assert stages == ["Extracting frames", "Running models", "Final classification"]
    shares = [share for _, share in seen]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_nothing_to_look_at_is_an_outcome(detector: DeepfakeDetector, tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    Image.fromarray(np.full((200, 200, 3), 128, np.uint8)).save(path)
    result = detector.analyze(path).result
    assert result.branch("tiny_ladeda").status is BranchStatus.NOT_APPLICABLE
    assert result.decision.verdict is Verdict.INCONCLUSIVE
    assert result.decision.probability is None
    assert "No face" in result.decision.reason


def test_a_failed_gate_is_out_of_domain(detector: DeepfakeDetector, tmp_path: Path) -> None:
    small = np.full((300, 400, 3), 128, np.uint8)
    small[100:196, 100:196] = draw_face(96)
    path = tmp_path / "small.png"
    Image.fromarray(small).save(path)
    branch = detector.analyze(path).result.branch("tiny_ladeda")
    assert branch.status is BranchStatus.OUT_OF_DOMAIN
    assert branch.logit is None
    assert "pixels across" in branch.reason


def test_a_bad_file_leaves_the_detector_usable(
    detector: DeepfakeDetector, face: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "a.mp4"
    bad.write_bytes(b"not a video")
    with pytest.raises(MediaError):
        detector.analyze(bad)
    assert detector.analyze(face).result.input.kind is MediaKind.IMAGE


def test_two_threads_at_once_find_what_one_finds(
    detector: DeepfakeDetector, tmp_path: Path
) -> None:
    """The voice detector remembers what it heard last: two recordings must not mix in it."""
    voice = synthesise_voice(6.0)
    long = write_wav(tmp_path / "long.wav", voice)
    short = write_wav(tmp_path / "short.wav", voice[20_000:60_000])
    alone = {path: without_clock(detector.analyze(path).result) for path in (long, short)}
    with ThreadPoolExecutor(2) as pool:
        paths = [long, short] * 4
        together = list(pool.map(lambda path: detector.analyze(path).result, paths))
    assert all(
        without_clock(result) == alone[path] for path, result in zip(paths, together, strict=True)
    )


def test_a_fork_goes_on_with_the_detector(folder: Path, face: Path) -> None:
    """torch's helper threads stay behind in the parent; waiting for them would never end."""
    code = (
        "import os, sys\nfrom ml import DeepfakeDetector\n"
        "profile, weights, face = sys.argv[1:]\n"
        "import torch\ntorch.set_num_threads(2)\n"
        "detector = DeepfakeDetector('cpu', profile, weights)\n"
        "first = detector.detect_image(face)['details']\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(7 if detector.detect_image(face)['details'] == first else 8)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    command = [sys.executable, "-c", code, str(make_profile(folder)), str(folder), str(face)]
    run = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, start_new_session=True
    )
    assert run.stdout == "7\n", run.stderr


def test_what_is_hashed_is_what_was_decoded(
    detector: DeepfakeDetector, face: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another file takes the place of the one under analysis, or none does."""
    path = tmp_path / "a.png"
    path.write_bytes(face.read_bytes())
    decode = prepare.decode_descriptor

    def decode_and_remove(source: int, plan: DecodePlan) -> Decoded:
        path.unlink()
        return decode(source, plan)

    monkeypatch.setattr(prepare, "decode_descriptor", decode_and_remove)
    found = detector.analyze(path).result.input
    assert found.sha256 == hashlib.sha256(face.read_bytes()).hexdigest()
    assert found.size == face.stat().st_size


def test_a_branch_that_breaks_takes_no_other_with_it(
    detector: DeepfakeDetector, face: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch = detector.branches[0].branch
    assert branch is not None
    monkeypatch.setattr(branch, "model", torch.nn.Linear(1, 1))
    result = detector.analyze(face).result
    assert result.branch("tiny_ladeda").status is BranchStatus.FAILED
    assert result.decision.verdict is Verdict.INCONCLUSIVE


def test_parameters_reach_the_decision(detector: DeepfakeDetector, face: Path) -> None:
    parameters = Parameters.from_dict({"prior": 0.2, "threshold": 0.6, "fusion_strategy": "equal"})
    result = detector.analyze(face, parameters=parameters).result
    assert (result.decision.prior, result.decision.threshold) == (0.2, 0.6)
    assert result.decision.strategy == "equal"
    assert result.provenance.parameters == parameters.to_dict()


def test_max_frames_limits_what_is_looked_at(detector: DeepfakeDetector, tmp_path: Path) -> None:
    path = video_of(tmp_path / "a.mkv", [draw_face(192)] * 30)
    few = detector.analyze(path, parameters=Parameters(max_frames=8)).result
    assert len(few.faces) == 8


def test_sdk_dictionaries(detector: DeepfakeDetector, face: Path, tmp_path: Path) -> None:
    image = detector.detect_image(face)
    assert set(image) == {
        "prediction", "confidence", "faces_detected", "model", "processing_time", "details",
    }  # fmt: skip
    assert set(image["details"]) == {"face_locations", "image_size", "manipulation_regions"}
    assert image["details"]["image_size"] == [256, 256]
    sound = write_wav(tmp_path / "a.wav", synthesise_voice(4.0))
    audio = detector.detect_audio(sound)
    assert audio["details"]["sample_rate"] == 16_000
    assert audio["prediction"] == "INCONCLUSIVE"
    assert audio["confidence"] is None
    silent = detector.analyze(sound).result.branch("tiny_ladeda")
    assert silent.reason == "The recording has no picture."
    video = detector.detect_video(write_video(tmp_path / "v.mp4", frames=10))
    assert set(video["details"]) == {
        "video_duration", "fps", "temporal_consistency", "suspicious_frames",
    }  # fmt: skip
    both = detector.detect_multimodal(audio_path=sound, image_path=face)
    assert set(both["individual_scores"]) == {"audio", "image"}
    assert both["fusion_method"] == "weighted_average"
    with pytest.raises(MediaError):
        detector.detect_audio(face)
    with pytest.raises(ValueError, match="at least one"):
        detector.detect_multimodal()


def test_batch_goes_on_after_a_bad_file(
    detector: DeepfakeDetector, face: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "a.mp4"
    bad.write_bytes(b"")
    first, second = detector.batch([bad, face])
    assert isinstance(first, MediaError)
    assert first.code == "empty"
    assert isinstance(second, AnalysisResult)


def test_stream_gives_a_verdict_per_window(detector: DeepfakeDetector, tmp_path: Path) -> None:
    path = video_of(tmp_path / "a.mkv", [draw_face(192)] * 60)
    verdicts = list(detector.stream(str(path), window_s=1.0))
    assert [round(v.start, 1) for v in verdicts] == [0.0, 1.0, 2.0]
    assert all(v.log10_lr is not None for v in verdicts)
    agreed = {v.verdict for v in verdicts}
    assert len(agreed) == 1
    assert verdicts[-1].rolling is agreed.pop()


def test_stream_without_a_source(detector: DeepfakeDetector, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="cannot be opened"):
        next(detector.stream(str(tmp_path / "none.mp4")))


def test_stream_reads_a_camera_over_rtsp(detector: DeepfakeDetector) -> None:
    with camera([draw_face(192)] * 60) as address:
        verdicts = list(detector.stream(address, window_s=1.0))
    assert [round(v.start, 1) for v in verdicts] == [0.0, 1.0, 2.0]
    assert all(v.log10_lr is not None for v in verdicts)


def test_stream_from_a_webcam_that_is_not_there(detector: DeepfakeDetector) -> None:
    with pytest.raises(MediaError, match="Give a webcam number") as refused:
        next(detector.stream("63"))
    assert refused.value.code == "unsupported"


def test_stream_from_a_camera_that_does_not_answer(detector: DeepfakeDetector) -> None:
    with pytest.raises(MediaError, match="cannot be opened"):
        next(detector.stream("rtsp://127.0.0.1:9/live"))


def test_profiles_share_loaded_branches(folder: Path) -> None:
    pool = BranchPool(torch.device("cpu"), folder)
    first = DeepfakeDetector(profile=make_profile(folder), pool=pool)
    second = DeepfakeDetector(profile=make_profile(folder), pool=pool)
    assert first.branches[0].branch is second.branches[0].branch


def test_a_missing_weight_is_an_error(folder: Path, tmp_path: Path) -> None:
    copy = make_registry(tmp_path / "w")
    (copy / "tiny_ladeda.safetensors").unlink()
    with pytest.raises(WeightsError) as caught:
        DeepfakeDetector("cpu", make_profile(folder), copy)
    assert caught.value.code == "missing"


def test_an_altered_weight_is_an_error(folder: Path, tmp_path: Path) -> None:
    copy = make_registry(tmp_path / "w")
    file = copy / "tiny_ladeda.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(WeightsError) as caught:
        DeepfakeDetector("cpu", make_profile(folder), copy)
    assert caught.value.code == "hash_mismatch"


@pytest.mark.parametrize("change", ["missing", "unexpected", "shape"])
def test_other_keys_are_an_error(folder: Path, tmp_path: Path, change: str) -> None:
    copy = make_registry(tmp_path / "w")
    file = copy / "tiny_ladeda.safetensors"
    tensors = load_file(file)
    if change == "missing":
        del tensors["fc.weight"]
    elif change == "unexpected":
        tensors["extra"] = torch.zeros(1)
    else:
        tensors["fc.weight"] = torch.zeros(2, 8)
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    save_file(tensors, file)
    toml = copy / "registry.toml"
    after = hashlib.sha256(file.read_bytes()).hexdigest()
    toml.write_text(toml.read_text().replace(before, after))
    with pytest.raises(WeightsError) as caught:
        DeepfakeDetector("cpu", make_profile(folder), copy)
    assert caught.value.code == "key_mismatch"
    assert "fc.weight" in caught.value.message or "extra" in caught.value.message


def test_another_crop_margin_is_an_error(folder: Path, tmp_path: Path) -> None:
    copy = make_registry(tmp_path / "w")
    toml = copy / "registry.toml"
    toml.write_text(toml.read_text().replace("margin = 0.3", "margin = 0.0"))
    with pytest.raises(WeightsError) as caught:
        DeepfakeDetector("cpu", make_profile(folder), copy)
    assert caught.value.code == "preprocessing_mismatch"


def test_no_branch_at_all_is_an_error(folder: Path) -> None:
    with pytest.raises(WeightsError, match="No branch of profile"):
        DeepfakeDetector("cpu", "system3", folder)


def test_a_video_is_calibrated_as_a_video(tmp_path: Path, face: Path) -> None:
    weights = make_registry(tmp_path / "weights")
    calibration = weights / "calibration"
    Calibrator(CalibratorKind.PLATT, -9.0, 9.0, 50, 50, scale=0.5, offset=-1.0).save(
        calibration / "video.toml"
    )
    registry = (weights / "registry.toml").read_text()
    key = 'calibration = "calibration/tiny_ladeda.toml"'
    (weights / "registry.toml").write_text(
        registry.replace(key, f'{key}\nvideo_calibration = "calibration/video.toml"')
    )
    own = DeepfakeDetector("cpu", make_profile(tmp_path), weights)
    clip = video_of(tmp_path / "clip.mkv", [draw_face(256, turn=0.02 * k) for k in range(6)])
    branch = own.analyze(clip).result.branch("tiny_ladeda")
    assert branch.logit is not None
    assert branch.llr == pytest.approx(0.5 * branch.logit - 1.0)
    assert [item.llr for item in branch.items] == pytest.approx(
        [0.5 * item.logit - 1.0 for item in branch.items]
    )
    still = own.analyze(face).result.branch("tiny_ladeda")
    assert still.calibrator_sha256 != branch.calibrator_sha256
