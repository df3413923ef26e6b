"""Faces, tracks, speech and gates on drawn faces and a synthesised voice."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from ml.errors import MediaError, ParameterError
from ml.media.detectors import HaarDetector, MtcnnDetector, RawFace, detector_scale, face_detector
from ml.media.faces import crop_face
from ml.media.gates import face_gates, sound_gates
from ml.media.plan import DecodePlan
from ml.media.prepare import Preparer
from ml.media.prepared import DetectedFace, FaceQuality, PreparedMedia
from ml.media.quality import flatness, yaw_degrees
from ml.media.speech import SoundMeasures, find_speech, measure_sound
from ml.media.tracking import build_tracks, overlap
from ml.result import MediaKind
from tests.ml.drawn_face import draw_face, synthesise_voice
from tests.ml.media_samples import tone, write_wav

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def preparer() -> Preparer:
    return Preparer(CPU)


def still(path: Path, rgb: NDArray[np.uint8]) -> Path:
    Image.fromarray(rgb).save(path)
    return path


def video_of(path: Path, pictures: list[NDArray[np.uint8]]) -> Path:
    """Lossless, 25 frames a second, silent."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv444p"
        for rgb in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def raw(x: float, y: float, side: float = 100.0) -> RawFace:
    return RawFace((x, y, x + side, y + side), np.zeros((5, 2), np.float32), 1.0, posed=True)


@pytest.mark.parametrize("name", ["mtcnn", "haar", "mtcnn_haar"])
def test_each_detector_finds_the_drawn_face(name: str) -> None:
    faces = face_detector(name, CPU).detect([draw_face(256), np.zeros((64, 64, 3), np.uint8)])
    assert len(faces[0]) == 1
    assert faces[1] == []
    x1, y1, x2, y2 = faces[0][0].box
    assert overlap((x1, y1, x2, y2), (62, 50, 194, 216)) > 0.6
    eyes = faces[0][0].landmarks[:2]
    assert eyes[0, 0] < 128 < eyes[1, 0]
    assert abs(eyes[:, 1].mean() - 120) < 16


def test_unknown_detector() -> None:
    with pytest.raises(ParameterError):
        face_detector("magic", CPU)


def test_the_reserve_is_asked_only_where_the_first_finds_nothing() -> None:
    """Upside down, MTCNN fails and Haar fails: nothing is invented."""
    upside_down = np.ascontiguousarray(draw_face(256)[::-1])
    found = face_detector("mtcnn_haar", CPU).detect([upside_down, draw_face(256)])
    assert [len(faces) for faces in found] == [0, 1]
    assert found[1][0].posed


@pytest.mark.parametrize("name", ["mtcnn", "haar"])
def test_faces_below_the_wanted_size_are_left_out(name: str) -> None:
    pair = np.full((256, 400, 3), 128, np.uint8)
    pair[:, :256] = draw_face(256)
    pair[60:188, 262:390] = draw_face(128)
    assert len(face_detector(name, CPU).detect([pair])[0]) == 2
    detector = face_detector(name, CPU, 80)
    (face,) = detector.detect([pair])[0]
    assert face.box[0] < 256
    assert "from 80 pixels" in detector.name


def test_several_faces_in_one_picture() -> None:
    pair = np.concatenate([draw_face(256), draw_face(256)], axis=1)
    assert len(MtcnnDetector(CPU).detect([pair])[0]) == 2
    assert len(HaarDetector().detect([pair])[0]) == 2


def test_boxes_are_in_pixels_of_the_picture_at_every_size() -> None:
    for size in (200, 512, 1400):
        (face,) = MtcnnDetector(CPU).detect([draw_face(size)])[0]
        middle = (face.box[0] + face.box[2]) / 2 / size
        assert middle == pytest.approx(0.5, abs=0.04)
        assert 0.35 < (face.box[2] - face.box[0]) / size < 0.6


def test_detector_input_follows_the_resolution() -> None:
    assert detector_scale(256, 144) == 2.0
    assert detector_scale(640, 360) == 1.0
    assert detector_scale(1920, 1080) == pytest.approx(1 / 3)


def test_crop_policy() -> None:
    """Centred square of 1.3 times the longer side; outside the picture the edge repeats."""
    rgb = np.zeros((100, 100, 3), np.uint8)
    rgb[40:60, 45:55] = 255
    crop = crop_face(rgb, (45, 40, 55, 60), 0.3, 26)
    assert crop.shape == (26, 26, 3)
    rows, columns = np.nonzero(crop[..., 0] > 128)
    assert (rows.min(), rows.max()) == (3, 22)
    assert (columns.min(), columns.max()) == (8, 17)
    edge = np.full((50, 50, 3), 9, np.uint8)
    edge[:, 0] = 200
    assert (crop_face(edge, (-20, 10, 20, 50), 0.0, 40)[:, :20] == 200).all()
    with pytest.raises(ValueError, match="does not overlap"):
        crop_face(edge, (60, 60, 80, 80), 0.3, 40)


def test_tracks_follow_faces_that_move_and_cross_nobody_elses() -> None:
    left = [(float(t), [raw(10 + 5 * t, 0), raw(300 - 5 * t, 0)]) for t in range(5)]
    tracks = build_tracks(left)
    assert [len(track.points) for track in tracks] == [5, 5]
    assert [point.box[0] for point in tracks[0].points] == [10, 15, 20, 25, 30]


def test_a_track_ends_after_two_seconds_unseen() -> None:
    tracks = build_tracks([(0.0, [raw(0, 0)]), (1.0, []), (2.5, [raw(0, 0)])])
    assert [len(track.points) for track in tracks] == [1, 1]


def test_interpolation_only_inside_short_gaps() -> None:
    (track,) = build_tracks([(0.0, [raw(0, 0)]), (1.0, [raw(20, 0)])])
    middle = track.at(0.25, max_gap=1.0)
    assert middle is not None
    assert middle.box == pytest.approx((5, 0, 105, 100))
    assert not middle.detected
    assert track.at(0.25, max_gap=0.5) is None
    assert track.at(1.5, max_gap=1.0) is None


def test_yaw_grows_with_the_turn_of_the_nose() -> None:
    landmarks = np.array([[30, 40], [70, 40], [50, 60], [35, 80], [65, 80]], np.float32)
    assert yaw_degrees(landmarks) == pytest.approx(0.0)
    landmarks[2, 0] = 62
    right = yaw_degrees(landmarks)
    landmarks[2, 0] = 38
    left = yaw_degrees(landmarks)
    assert right is not None
    assert left == pytest.approx(-right)
    assert 20 < right < 35


def test_still_picture(preparer: Preparer, tmp_path: Path) -> None:
    media = preparer.prepare(still(tmp_path / "a.png", draw_face(256)), DecodePlan())
    assert media.input.kind is MediaKind.IMAGE
    (face,) = media.faces
    assert (face.frame, face.t, face.track) == (0, 0.0, 0)
    assert media.pixels(face).shape == (256, 256, 3)
    assert all(gate.passed for gate in media.gates)


def test_picture_without_a_face(preparer: Preparer, tmp_path: Path) -> None:
    media = preparer.prepare(still(tmp_path / "a.png", np.zeros((1, 1, 3), np.uint8)), DecodePlan())
    assert media.faces == ()


def test_moving_face_is_one_track_in_every_frame(preparer: Preparer, tmp_path: Path) -> None:
    pictures = [draw_face(192, centre=(0.4 + 0.02 * i, 0.5)) for i in range(10)]
    media = preparer.prepare(video_of(tmp_path / "a.mkv", pictures), DecodePlan())
    assert {face.track for face in media.faces} == {0}
    assert [face.frame for face in media.faces] == list(range(10))
    centres = [(face.box[0] + face.box[2]) / 2 for face in media.faces]
    assert np.polyfit(range(10), centres, 1)[0] == pytest.approx(0.02 * 192, abs=0.8)


def test_detecting_every_second_frame_interpolates_the_others(tmp_path: Path) -> None:
    pictures = [draw_face(192, centre=(0.4 + 0.02 * i, 0.5)) for i in range(9)]
    path = video_of(tmp_path / "a.mkv", pictures)
    media = Preparer(CPU, detect_every=2).prepare(path, DecodePlan())
    assert [face.interpolated for face in media.faces] == [False, True] * 4 + [False]
    centres = [(face.box[0] + face.box[2]) / 2 for face in media.faces]
    for before, middle, after in zip(centres[:-2:2], centres[1:-1:2], centres[2::2], strict=True):
        assert middle == pytest.approx((before + after) / 2, abs=0.01)


def test_blur_and_size_gates_block_the_face_branches(preparer: Preparer, tmp_path: Path) -> None:
    blurred = cv2.GaussianBlur(draw_face(512), (0, 0), 14)
    media = preparer.prepare(still(tmp_path / "a.png", np.asarray(blurred, np.uint8)), DecodePlan())
    assert media.faces
    assert "blurred" in media.blocked("xception")
    small = np.full((300, 400, 3), 128, np.uint8)
    small[100:196, 100:196] = draw_face(96)
    media = preparer.prepare(still(tmp_path / "b.png", small), DecodePlan())
    assert media.faces
    assert "pixels across" in media.blocked("xception")
    assert media.blocked("aasist") == ""


def test_a_face_in_flat_colours_is_no_photograph(preparer: Preparer, tmp_path: Path) -> None:
    """Posterised to eight levels a channel it is a cartoon, as PNG and as JPEG alike."""
    drawn = np.asarray(cv2.medianBlur(draw_face(512), 9) // 32 * 32, np.uint8)
    for name in ("a.png", "a.jpg"):
        media = preparer.prepare(still(tmp_path / name, drawn), DecodePlan())
        assert media.faces
        assert "looks drawn" in media.blocked("xception")
        assert media.blocked("aasist") == ""


@pytest.mark.parametrize("quality", [50, 75, 95])
def test_a_photographs_grain_and_shading_survive_jpeg(
    preparer: Preparer, tmp_path: Path, quality: int
) -> None:
    path = tmp_path / "a.jpg"
    generator = np.random.default_rng(0)
    lit = draw_face(400).astype(np.float32)
    for cell in (2, 4, 8, 16, 32):
        coarse = generator.normal(0, 8, (-(-400 // cell), -(-400 // cell))).astype(np.float32)
        lit += cv2.resize(coarse, (400, 400), interpolation=cv2.INTER_CUBIC)[..., None]
    photograph = np.clip(lit, 0, 255).astype(np.uint8)
    Image.fromarray(photograph).save(path, quality=quality)
    media = preparer.prepare(path, DecodePlan())
    assert media.faces
    assert next(gate for gate in media.gates if gate.name == "photograph").passed


def test_flatness_is_the_share_of_pixels_without_grain() -> None:
    half = np.zeros((100, 100, 3), np.uint8)
    half[50:] = np.random.default_rng(0).integers(0, 256, (50, 100, 3), dtype=np.uint8)
    assert flatness(half) == pytest.approx(0.49, abs=0.01)


def test_pose_gate_takes_the_median() -> None:
    def face(yaw: float) -> DetectedFace:
        quality = FaceQuality(100.0, 100.0, yaw)
        box = (0.0, 0.0, 100.0, 100.0)
        return DetectedFace(0, 0.0, 0, box, np.zeros((5, 2), np.float32), 1.0, quality)

    gates = face_gates((face(-70.0), face(80.0), face(5.0)))
    pose = next(gate for gate in gates if gate.name == "pose")
    assert (pose.value, pose.passed) == (70.0, False)


def test_speech_is_found_and_noise_is_not() -> None:
    assert sum(end - start for start, end in find_speech(synthesise_voice(4.0))) >= 1.0
    noise = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    assert find_speech(noise) == ()
    assert find_speech(np.zeros(0, np.float32)) == ()


def test_sound_measures() -> None:
    voice = synthesise_voice(4.0)
    clean = measure_sound(voice)
    noise = np.random.default_rng(1).normal(0, 0.02, voice.size).astype(np.float32)
    noisy = measure_sound(voice + noise)
    assert clean.snr_db is not None
    assert noisy.snr_db is None or noisy.snr_db < clean.snr_db - 15
    clipped = measure_sound(np.clip(voice * 20, -1, 1))
    assert clean.clipping == 0.0
    assert clipped.clipping > 0.05
    low = measure_sound(tone(2.0, 16_000, 300.0))
    assert low.bandwidth_hz == pytest.approx(300, abs=60)
    silence = measure_sound(np.zeros(16_000, np.float32))
    assert (silence.bandwidth_hz, silence.level_db, silence.snr_db) == (None, None, None)


def test_measuring_sound_leaves_the_threads_of_torch_alone() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    measure_sound(synthesise_voice(1.0))
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


def test_sound_gates_name_what_they_block() -> None:
    measures = SoundMeasures((), 0.3, 2.0, 0.1, 1500.0, -20.0)
    failed = {gate.name for gate in sound_gates(measures) if not gate.passed}
    assert failed == {"speech", "clipping", "signal_to_noise", "bandwidth"}
    assert all("aasist" in gate.blocks for gate in sound_gates(measures))


def test_sound_file(preparer: Preparer, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", synthesise_voice(4.0))
    media: PreparedMedia = preparer.prepare(path, DecodePlan())
    assert media.input.kind is MediaKind.AUDIO
    assert media.speech
    assert media.faces == ()


def test_missing_file(preparer: Preparer, tmp_path: Path) -> None:
    with pytest.raises(MediaError):
        preparer.prepare(tmp_path / "none.wav", DecodePlan())


def test_the_hash_is_of_the_stored_bytes(preparer: Preparer, tmp_path: Path) -> None:
    import hashlib

    path = still(tmp_path / "a.png", draw_face(128))
    facts = preparer.prepare(path, DecodePlan()).input
    assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert facts.sha512 == hashlib.sha512(path.read_bytes()).hexdigest()
    assert facts.size == path.stat().st_size
