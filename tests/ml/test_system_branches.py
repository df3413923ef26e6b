"""The branches of the earlier systems, on seeded weights of a test registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ml.branches.autoencoder import AutoencoderBranch
from ml.branches.base import Branch
from ml.branches.ensemble import EnsembleBranch
from ml.branches.registry import NAMES, create_branch
from ml.branches.speech_network import SpeechNetworkBranch
from ml.branches.temporal_bilstm import TemporalBiLSTMBranch
from ml.branches.xception import SIZE
from ml.cli import main
from ml.errors import ParameterError, WeightsError
from ml.media.prepared import PreparedMedia
from ml.models.attention_cnn3d import AttentionCnn3d
from ml.models.cqcc_cnn import BINS_PER_OCTAVE, LOWEST_HZ, CqccCnn, bin_frequencies
from ml.models.face_autoencoder import FaceAutoencoder
from ml.models.face_ensemble import FaceEnsemble
from ml.models.mel_xception import MelXception
from ml.models.statistics_xception import SIGNS, StatisticsXception, answers_of_signs
from ml.models.temporal_bilstm import TemporalBiLSTM
from ml.models.xception import Xception
from ml.pool import BranchPool
from ml.profiles import profile_names
from ml.profiles.profile import load_profile
from ml.result import BranchStatus
from ml.weights.registry import WeightRegistry
from tests.ml.made_media import made_face, made_media
from tests.ml.small_registry import add_weight, make_registry

CPU = torch.device("cpu")
NEW = ("mel_xception", "cqcc_cnn", "temporal_bilstm", "autoencoder", "ensemble")
RATE = 16_000
SOUND = "{{ sample_rate = 16000, samples = {}, rms = 0.05 }}"
PIXELS = "size = {}, margin = 0.3, mean = [0.5, 0.5, 0.5], std = [0.5, 0.5, 0.5]"
ERRORS = ", error_mean = 0.25, error_deviation = 0.05"


def seeded(build: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build()


def loaded(folder: Path, name: str) -> Branch:
    branch = create_branch(name)
    branch.load(WeightRegistry(folder), CPU)
    return branch


def voice(seconds: float, seed: int = 0) -> np.ndarray:
    t = np.arange(int(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).standard_normal(t.size)
    return (0.1 * np.sin(2 * np.pi * 150 * t) * (1 + np.sin(5 * t)) + 0.01 * noise).astype("f4")


def heard(wave: np.ndarray) -> PreparedMedia:
    silent = made_media(2, ())
    return replace(silent, waveform=wave, speech=((0.0, wave.size / RATE),))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seeded weights of every branch of the earlier systems but the large ensemble."""
    path = tmp_path_factory.mktemp("weights")
    add_weight(
        path, "mel_xception", seeded(lambda: MelXception(side=71)), SOUND.format(32_000),
        "{ side = 71 }",
    )  # fmt: skip
    add_weight(path, "cqcc_cnn", seeded(CqccCnn), SOUND.format(64_600))
    faces = add_weight(path, "xception", seeded(Xception), f"{{ {PIXELS.format(SIZE)} }}")
    add_weight(
        path, "temporal_bilstm", seeded(lambda: TemporalBiLSTM(2048, 8)),
        f'{{ {PIXELS.format(SIZE)}, embedding_sha256 = "{faces}" }}',
        "{ inputs = 2048, hidden = 8 }",
    )  # fmt: skip
    add_weight(
        path, "autoencoder", seeded(lambda: FaceAutoencoder(4, 4)),
        f"{{ {PIXELS.format(96)}{ERRORS} }}", "{ width = 4, latent = 4 }",
    )  # fmt: skip
    return path


@pytest.fixture(scope="module")
def sequence(folder: Path) -> TemporalBiLSTMBranch:
    branch = loaded(folder, "temporal_bilstm")
    assert isinstance(branch, TemporalBiLSTMBranch)
    return branch


def test_every_profile_names_only_branches_there_are() -> None:
    for profile in profile_names():
        assert set(load_profile(profile).branches) <= set(NAMES)
    with pytest.raises(ParameterError, match="no branch called 'magic'"):
        create_branch("magic")


@pytest.mark.parametrize("name", NEW)
def test_without_trained_weights_a_branch_says_so_and_is_not_run(name: str, tmp_path: Path) -> None:
    item = BranchPool(CPU, make_registry(tmp_path / "w")).get(name)
    assert item.branch is None
    assert item.reason == f"No trained weights '{name}' are shipped."


def test_the_list_of_weights_shows_which_branches_are_ready(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["weights", "list", "--weights-dir", str(folder)]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert set(lines) == set(NAMES)
    assert "no trained weights" in lines["ensemble"]
    for name in NEW[:-1]:
        assert "ready, float32" in lines[name]


def test_published_sizes() -> None:
    def size(network: nn.Module) -> int:
        return sum(parameter.numel() for parameter in network.parameters())

    assert size(CqccCnn()) == 389_057
    assert size(TemporalBiLSTM()) == 657_665


@pytest.mark.parametrize(
    ("name", "seconds", "windows"), [("mel_xception", 2.0, 6), ("cqcc_cnn", 4.0375, 4)]
)
def test_the_speech_branches_score_windows_and_repeat_themselves(
    folder: Path, name: str, seconds: float, windows: int
) -> None:
    branch = loaded(folder, name)
    media = heard(voice(7.0))
    output = branch.run(media)
    assert output.status is BranchStatus.SCORED
    assert output.details["window_s"] == seconds
    assert [item.start for item in output.items] == pytest.approx(
        [*range(windows - 1), 7.0 - seconds] if 7.0 % seconds else list(range(windows))
    )
    assert output.logit == pytest.approx(np.mean([item.logit for item in output.items]))
    assert branch.run(media) == output


def test_mel_windows_overlap_by_half() -> None:
    branch = create_branch("mel_xception")
    assert isinstance(branch, SpeechNetworkBranch)
    assert branch.samples == 2 * RATE


def test_mel_pictures_are_standardised_and_blind_to_the_level() -> None:
    network = MelXception(side=71).eval()
    wave = torch.from_numpy(voice(2.0))[None]
    picture = network.pictures(wave)
    assert picture.shape == (1, 3, 71, 71)
    assert float(picture.mean()) == pytest.approx(0, abs=0.05)
    torch.testing.assert_close(picture, network.pictures(wave * 3), atol=0.05, rtol=0.05)


def test_the_constant_q_transform_finds_the_bin_of_a_tone() -> None:
    network = CqccCnn()
    t = torch.arange(2 * RATE) / RATE
    for octave in (2, 4, 6):
        tone = torch.sin(2 * torch.pi * LOWEST_HZ * 2**octave * t)[None]
        frames = torch.stft(tone, 16_384, 256, window=torch.ones(16_384), return_complex=True)
        power = torch.einsum("bft,kf->bkt", frames, network.kernel).abs().mean(2)[0]
        assert int(power.argmax()) == octave * BINS_PER_OCTAVE
    assert bin_frequencies()[-1] < RATE / 2


def test_cepstra_have_thirty_rows_and_their_differences() -> None:
    rows = CqccCnn().cepstra(torch.from_numpy(voice(4.0))[None])
    assert rows.shape == (1, 1, 90, 4 * RATE // 256 + 1)
    assert torch.isfinite(CqccCnn().cepstra(torch.zeros(1, RATE))).all()


def test_padding_never_enters_the_sequence() -> None:
    torch.manual_seed(0)
    network = TemporalBiLSTM(16, 8).eval()
    steps = torch.randn(1, 20, 16)
    longer = torch.cat([steps, torch.full((1, 5, 16), 99.0)], dim=1)
    with torch.inference_mode():
        alone = network(steps)
        padded = network(longer, torch.tensor([20]))
        shares = network.shares(longer, torch.tensor([20]))[0]
    torch.testing.assert_close(alone, padded)
    assert not shares[20:].any()
    assert float(shares.sum() + network.fc.bias.detach()) == pytest.approx(float(alone), abs=1e-6)


def test_the_order_of_the_frames_matters() -> None:
    torch.manual_seed(0)
    network = TemporalBiLSTM(16, 8).eval()
    steps = torch.randn(1, 20, 16)
    with torch.inference_mode():
        assert float(network(steps)) != pytest.approx(float(network(steps.roll(7, 1))), abs=1e-5)


def test_a_sequence_is_explained_by_shares_that_add_up(sequence: TemporalBiLSTMBranch) -> None:
    media = made_media(16, tuple(made_face(k, k / 5) for k in range(16)))
    output = sequence.run(media)
    assert output.status is BranchStatus.SCORED
    total = sum(item.logit for item in output.items) + sequence.model.fc.bias.item()
    assert output.logit == pytest.approx(total, abs=1e-9)
    assert sequence.run(media) == output


def test_fifteen_frames_are_too_few_for_a_sequence(sequence: TemporalBiLSTMBranch) -> None:
    output = sequence.run(made_media(16, tuple(made_face(k, k / 5) for k in range(15))))
    assert output.status is BranchStatus.NOT_APPLICABLE
    assert "15" in output.reason


def test_a_sequence_over_the_shipped_kind_of_xception_reads_its_signs(tmp_path: Path) -> None:
    faces = add_weight(
        tmp_path, "xception", seeded(lambda: StatisticsXception((9,))),
        f"{{ {PIXELS.format(SIZE)} }}", "{ levels = [9] }",
    )  # fmt: skip
    add_weight(
        tmp_path, "temporal_bilstm", seeded(lambda: TemporalBiLSTM(SIGNS, 8)),
        f'{{ {PIXELS.format(SIZE)}, embedding_sha256 = "{faces}" }}',
        f"{{ inputs = {SIGNS}, hidden = 8 }}",
    )  # fmt: skip
    branch = loaded(tmp_path, "temporal_bilstm")
    assert isinstance(branch, TemporalBiLSTMBranch)
    crops = list(np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8))
    signs = branch.embed(crops)
    answers, _ = branch._frames.score(crops)
    joined = branch._frames.model.joined(answers_of_signs(signs))
    assert joined.numpy() == pytest.approx(answers, abs=1e-4)


def test_a_sequence_trained_on_other_embeddings_is_refused(tmp_path: Path) -> None:
    add_weight(tmp_path, "xception", seeded(Xception, 1), f"{{ {PIXELS.format(SIZE)} }}")
    add_weight(
        tmp_path, "temporal_bilstm", TemporalBiLSTM(2048, 8),
        f'{{ {PIXELS.format(SIZE)}, embedding_sha256 = "{"0" * 64}" }}',
        "{ inputs = 2048, hidden = 8 }",
    )  # fmt: skip
    with pytest.raises(WeightsError) as refused:
        loaded(tmp_path, "temporal_bilstm")
    assert refused.value.code == "preprocessing_mismatch"


def test_the_reconstruction_error_is_the_mean_of_its_map(folder: Path) -> None:
    branch = loaded(folder, "autoencoder")
    assert isinstance(branch, AutoencoderBranch)
    media = made_media(1, (made_face(0, 0.0), made_face(0, 0.0, 1, x=110)))
    output = branch.run(media)
    assert output.status is BranchStatus.SCORED
    assert output.logit == max(output.face_logits.values())
    errors = np.array(output.details["errors"])
    logits = (errors - 0.25) / 0.05
    assert logits == pytest.approx([item.logit for item in output.items])
    assert (errors > 0).all()
    assert {artefact.facts.kind for artefact in output.artefacts} == {"thumbnail", "heatmap"}
    assert branch.run(media) == output
    assert branch.run(made_media(1, ())).status is BranchStatus.NOT_APPLICABLE


def test_an_autoencoder_of_real_faces_redraws_what_it_knows_better() -> None:
    """Trained for a moment on smooth ramps, it fails at noise."""
    torch.manual_seed(0)
    network = FaceAutoencoder(8, 8)
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    ramp = torch.linspace(-0.8, 0.8, 32).expand(8, 3, 32, 32) * torch.rand(8, 3, 1, 1)
    for _ in range(60):
        loss = (network(ramp) - ramp).abs().mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    network.eval()
    known, strange = network.error_map(ramp).mean(), network.error_map(torch.rand(8, 3, 32, 32))
    assert float(known) < 0.5 * float(strange.mean())


def test_attention_weighs_channels_and_places() -> None:
    torch.manual_seed(0)
    network = AttentionCnn3d((4, 8, 8)).eval()
    frames = torch.randn(2, 3, 16, 64, 64)
    still = frames[:, :, :1].expand(-1, -1, 16, -1, -1)
    with torch.inference_mode():
        moving, frozen = network(frames), network(still)
    assert moving.shape == (2,)
    assert not torch.allclose(moving, frozen)


def test_the_ensemble_is_the_mean_of_its_members(tmp_path: Path) -> None:
    network = seeded(FaceEnsemble)
    add_weight(tmp_path, "ensemble", network, f"{{ {PIXELS.format(224)} }}")
    branch = loaded(tmp_path, "ensemble")
    assert isinstance(branch, EnsembleBranch)
    still = branch.run(made_media(1, (made_face(0, 0.0),)))
    assert set(still.details["members"]) == {"efficientnet_b3", "densenet121"}
    assert still.logit == pytest.approx(np.mean(list(still.details["members"].values())))
    assert branch.run(made_media(1, ())).status is BranchStatus.NOT_APPLICABLE
    crops = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    with torch.inference_mode():
        pictures = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255
        first, second = branch.model.picture_maps(pictures)
        assert float(first.mean()) == pytest.approx(
            float(branch.model.efficientnet(pictures)), abs=1e-5
        )
        assert float(second.mean()) == pytest.approx(
            float(branch.model.densenet(pictures)), abs=1e-5
        )
        frames = pictures[:, None].expand(1, 16, 3, 64, 64)
        motion = float(branch.model.motion_logit(frames))
        assert float(branch.model(frames)) == pytest.approx(
            (float(first.mean()) + float(second.mean()) + motion) / 3, abs=1e-5
        )


def test_with_sixteen_frames_the_motion_member_counts_a_third(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few frames to keep it quick: the picture members look at two of them."""
    monkeypatch.setattr("ml.branches.face_scores.FACES_PER_TRACK", 2)
    add_weight(tmp_path, "ensemble", seeded(FaceEnsemble), f"{{ {PIXELS.format(224)} }}")
    branch = loaded(tmp_path, "ensemble")
    output = branch.run(made_media(16, tuple(made_face(k, k / 5) for k in range(16))))
    members = output.details["members"]
    assert output.logit == pytest.approx(sum(members.values()) / 3)
    assert len(members) == 3
