"""The branches that listen to speech, on own weights in a temporary registry."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from ml.branches.registry import create_branch
from ml.branches.speech_network import SAMPLES, SpeechNetworkBranch
from ml.errors import WeightsError
from ml.explain.audio import BAND_EDGES_HZ, occlude_frequency, occlude_time
from ml.media.prepared import PreparedMedia
from ml.models.aasist import AASIST
from ml.models.whisper_detector import WhisperConfig, WhisperDetector
from ml.result import BranchStatus, InputFacts, MediaFacts, MediaKind, QualityGate
from ml.training.engine import save_tensors
from ml.weights.registry import WeightRegistry

RATE = 16_000
ENTRY = """
[{name}]
file = "{name}.safetensors"
sha256 = "{sha256}"
architecture = "test"
label_polarity = "{polarity}"
dtype = "float32"
initialisation = "random"
training_data = "none"
licence = "none"
validated_domain = "tests"
not_validated_for = "anything"
config = {config}
preprocessing = {{ sample_rate = 16000, samples = {samples}, rms = 0.05 }}
"""


def registry(
    folder: Path, name: str, model: torch.nn.Module, config: str, *,
    polarity: str = "class1_fake", samples: int = SAMPLES,
) -> WeightRegistry:  # fmt: skip
    path = folder / f"{name}.safetensors"
    save_tensors(model, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    text = ENTRY.format(name=name, sha256=digest, config=config, polarity=polarity, samples=samples)
    (folder / "registry.toml").write_text(text)
    return WeightRegistry(folder)


def whisper(seed: int = 0) -> WhisperDetector:
    torch.manual_seed(seed)
    return WhisperDetector(WhisperConfig(layers=1)).eval()


def loaded(weights: WeightRegistry, name: str = "whisper") -> SpeechNetworkBranch:
    branch = create_branch(name)
    assert isinstance(branch, SpeechNetworkBranch)
    branch.load(weights, torch.device("cpu"))
    return branch


@pytest.fixture
def branch(tmp_path: Path) -> SpeechNetworkBranch:
    return loaded(registry(tmp_path, "whisper", whisper(), "{ layers = 1 }"))


def speech(seconds: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    voice = np.sin(2 * np.pi * 140 * t) + 0.5 * np.sin(2 * np.pi * 1400 * t)
    return (0.1 * voice * (1 + np.sin(6 * t)) + 0.01 * rng.standard_normal(t.size)).astype("f4")


def media(
    wave: np.ndarray | None, spoken: tuple[tuple[float, float], ...] | None = None, *,
    audio_start: float = 0.0, gates: tuple[QualityGate, ...] = (),
) -> PreparedMedia:  # fmt: skip
    if spoken is None:
        spoken = () if wave is None else ((0.0, wave.size / RATE),)
    return PreparedMedia(
        path=Path("speech.wav"),
        input=InputFacts("speech.wav", 1, "0" * 64, "0" * 128, MediaKind.AUDIO),
        facts=MediaFacts("wav"),
        waveform=wave,
        audio_start=audio_start,
        speech=spoken,
        gates=gates,
    )


def test_the_clip_is_the_mean_of_its_windows_on_the_clock_of_the_video(
    branch: SpeechNetworkBranch,
) -> None:
    output = branch.run(media(speech(7.5), audio_start=0.25))
    assert output.status is BranchStatus.SCORED
    assert [item.start for item in output.items][:3] == pytest.approx([0.25, 1.25, 2.25])
    assert output.items[-1].end == pytest.approx(7.75)
    assert output.logit == pytest.approx(np.mean([item.logit for item in output.items]))
    timeline = next(curve for curve in output.curves if curve.name == "windows")
    assert timeline.y == tuple(item.logit for item in output.items)
    assert output.details["repeated_to_fill_a_window"] is False


def test_a_short_clip_is_one_repeated_window_and_says_so(branch: SpeechNetworkBranch) -> None:
    output = branch.run(media(speech(1.5)))
    assert [(item.start, item.end) for item in output.items] == [(0.0, 1.5)]
    assert output.details["repeated_to_fill_a_window"] is True
    assert all(0 <= x <= 1.5 for c in output.curves if c.x_unit == "s" for x in c.x)


def test_the_level_of_the_recording_does_not_matter(branch: SpeechNetworkBranch) -> None:
    wave = speech(2.0)
    loud, quiet = branch.run(media(wave)).logit, branch.run(media(wave * 0.01)).logit
    assert loud == pytest.approx(quiet, abs=1e-3)


def test_the_same_recording_gives_the_same_answer(branch: SpeechNetworkBranch) -> None:
    wave = speech(6.0)
    assert branch.run(media(wave)) == branch.run(media(wave))


def test_without_speech_or_sound_there_is_no_number(branch: SpeechNetworkBranch) -> None:
    gate = QualityGate("speech", 0.2, "s", ">= 1", False, "Only 0.2 s of speech.", ("whisper",))
    for prepared in (
        media(None),
        media(np.zeros(0, np.float32)),
        media(speech(3.0), spoken=()),
        media(speech(3.0), gates=(gate,)),
    ):
        output = branch.run(prepared)
        assert output.status is BranchStatus.NOT_APPLICABLE
        assert output.logit is None
        assert output.reason


def test_a_network_that_answers_bona_fide_is_turned_round(tmp_path: Path) -> None:
    wave = speech(2.0)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    fake = loaded(registry(tmp_path / "a", "whisper", whisper(), "{ layers = 1 }"))
    real = loaded(
        registry(tmp_path / "b", "whisper", whisper(), "{ layers = 1 }", polarity="class1_real")
    )
    first, second = fake.run(media(wave)).logit, real.run(media(wave)).logit
    assert first is not None
    assert first != 0
    assert second == pytest.approx(-first)


def test_a_splice_is_found_by_the_timeline(tmp_path: Path) -> None:
    """A head that listens for a 5-kHz whistle peaks in the window that holds most of it."""
    model = whisper()
    rng = np.random.default_rng(0)
    plain = [speech(4.1, seed=n)[:SAMPLES] for n in range(8)]
    t = np.arange(SAMPLES) / RATE
    whistle = (0.05 * np.sin(2 * np.pi * 5000 * t)).astype(np.float32)
    from ml.training.linear_probe import start_head

    start_head(
        model,
        [*plain, *(wave + whistle for wave in plain)],
        np.array([False] * 8 + [True] * 8),
    )
    found = loaded(registry(tmp_path, "whisper", model, "{ layers = 1 }"))
    wave = speech(20.0) + 0.001 * rng.standard_normal(20 * RATE).astype(np.float32)
    wave[10 * RATE : 14 * RATE] += whistle[: 4 * RATE]
    output = found.run(media(wave))
    peak = max(output.items, key=lambda item: item.logit)
    assert peak.start < 12.0 < peak.end
    assert abs((peak.start + peak.end) / 2 - 12.0) <= 1.0
    bands = next(curve for curve in output.curves if curve.x_unit == "Hz")
    strongest = bands.x[int(np.argmax(bands.y))]
    assert strongest == pytest.approx(5150)


def test_occlusion_measures_what_each_part_and_band_adds() -> None:
    """With an energy-counting scorer only the part and the band that hold energy matter."""
    window = np.zeros(RATE, np.float32)
    t = np.arange(2000) / RATE
    window[2000:4000] = np.sin(2 * np.pi * 2500 * t)

    def energy(waves: object) -> np.ndarray:
        return np.array([float(np.square(wave).sum()) for wave in waves])  # type: ignore[attr-defined]

    time = occlude_time(window, energy)
    assert int(np.argmax(time.drops)) == 1
    assert time.centres[1] == pytest.approx(3000 / RATE)
    assert time.drops[1] > 0.8 * energy([window])[0]
    assert abs(time.drops[5]) < 1e-1
    band = occlude_frequency(window, energy)
    assert len(band.drops) == len(BAND_EDGES_HZ) - 1
    assert band.centres[int(np.argmax(band.drops))] == 2500


def test_aasist_loads_strictly_and_turns_its_published_polarity(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = AASIST().eval()
    weights = registry(tmp_path, "aasist", model, '{ size = "base" }', polarity="class1_real")
    found = loaded(weights, "aasist")
    wave = speech(4.1)[:SAMPLES]
    logit = found.score([wave])[0]
    from ml.media.windows import level

    with torch.inference_mode():
        spoof, real = model(torch.from_numpy(level(wave, 0.05))[None])[0].tolist()
    assert logit == pytest.approx(spoof - real, abs=1e-3)


def test_weights_of_another_preprocessing_or_architecture_are_refused(tmp_path: Path) -> None:
    other = registry(tmp_path, "whisper", whisper(), "{ layers = 1 }", samples=32_000)
    with pytest.raises(WeightsError, match="samples"):
        loaded(other)
    wrong = registry(tmp_path, "whisper", whisper(), "{ layers = 2 }")
    with pytest.raises(WeightsError, match=r"layers\.1"):
        loaded(wrong)


def test_a_spliced_part_is_not_averaged_away(tmp_path: Path) -> None:
    """Log-mean-exp where the weight names a sharpness; one window alone is left as it is."""
    branch = loaded(registry(tmp_path, "whisper", whisper(), "{ layers = 1 }"))
    genuine, spliced = np.full(10, -2.0), np.array([-2.0] * 9 + [3.0])
    assert branch.pooled(spliced) == pytest.approx(-1.5)
    branch.entry.preprocessing.update({"sharpness": 1.0, "window_penalty": 0.4})
    assert branch.pooled(spliced[-1:]) == pytest.approx(3.0)
    assert branch.pooled(genuine) == pytest.approx(-2.36)
    assert branch.pooled(spliced) > 0.3
