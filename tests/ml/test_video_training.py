"""Training of the networks over time: what comes out is what a branch loads."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ml.evaluation.scored import read_scores
from ml.models.resnext_lstm import ResNeXtLSTM
from ml.models.statistics_xception import SIGNS, StatisticsXception
from ml.models.temporal_bilstm import TemporalBiLSTM
from ml.models.xception import load_strict
from ml.training import video
from ml.training.distillation import Student
from ml.training.engine import LAST, ConfigError, EngineConfig, Trainer
from ml.training.frame_readers import XCEPTION_LEVELS, SignsReader, reader_of
from ml.training.image_crops import to_tensor
from ml.training.sequences import Sequences
from ml.training.video import VideoConfig, VideoTask


def test_the_last_weights_are_the_whole_network_with_the_students_backbone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    student = Student()
    student.backbone.bn1.running_mean.fill_(0.5)
    save_file(student.state_dict(), str(tmp_path / "student.safetensors"))
    rng = np.random.default_rng(0)
    sequences = Sequences(
        rng.standard_normal((4, 32, 2048), np.float32),
        np.array([20, 32, 20, 32]),
        np.array([0, 1, 0, 1]),
        *(np.full(4, "made") for _ in range(3)),
    )
    monkeypatch.setattr(video, "cached_sequences", lambda *_: (sequences, sequences))
    task = VideoTask(
        VideoConfig(backbone=str(tmp_path / "student.safetensors"), landmarks="", batch=4),
        tmp_path,
        tmp_path,
    )
    before = {name: value.clone() for name, value in task.model.state_dict().items()}
    engine = EngineConfig(steps=2, evaluate_every=2, warmup=1, lr=1e-2, bf16=False)
    trainer = Trainer(task, engine, tmp_path / "out", torch.device("cpu"))
    trainer.run()
    trained = sum(p.numel() for group in trainer.optimizer.param_groups for p in group["params"])
    assert trained == sum(
        p.numel() for n, p in task.model.named_parameters() if not n.startswith("backbone.")
    )
    last = load_file(str(tmp_path / "out" / LAST))
    load_strict(ResNeXtLSTM(), last)
    for name, value in student.state_dict().items():
        if name.startswith("backbone."):
            assert torch.equal(last[name], value), name
    assert not torch.equal(last["lstm.weight_ih_l0"], before["lstm.weight_ih_l0"])


@pytest.fixture(scope="module")
def xception(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("xception") / "xception.safetensors"
    save_file(StatisticsXception(XCEPTION_LEVELS).state_dict(), str(file))
    return file


def test_the_signs_of_a_crop_are_what_xception_answers(xception: Path) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (3, 152, 152, 3), dtype=np.uint8)
    reader = reader_of("temporal_bilstm", str(xception), 0, 8)
    assert isinstance(reader, SignsReader)
    signs = reader.embed(crops)
    assert signs.shape == (3, SIGNS)
    with torch.inference_mode():
        pictures = to_tensor(list(crops))
        assert torch.allclose(
            reader.xception.embedding(pictures), torch.from_numpy(signs), atol=0.1
        )
        answer = reader.xception(pictures)
    told = reader.frame_logits(torch.from_numpy(signs))
    assert torch.allclose(told, answer[:, 1] - answer[:, 0], atol=0.1)


def test_a_network_over_signs_is_trained_and_leaves_the_scores_of_its_fold(
    xception: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    sources = np.array(["a", "a", "b", "b"])
    labels = np.array([0, 1, 0, 1])
    features = rng.normal(5.0, 3.0, (4, 32, SIGNS)).astype(np.float32)
    features[:, 20:] = 0.0
    names = np.array(["r", "f", "r", "f"])
    sequences = Sequences(features, np.full(4, 20), labels, sources, names, names)
    monkeypatch.setattr(video, "cached_sequences", lambda *_: (sequences, sequences))
    config = VideoConfig(
        architecture="temporal_bilstm",
        backbone=str(xception),
        landmarks="",
        hidden=8,
        batch=4,
        hold_out=("b",),
    )
    task = VideoTask(config, tmp_path, tmp_path)
    assert isinstance(task.model, TemporalBiLSTM)
    seen = features[:2, :20].reshape(-1, SIGNS)
    assert task.model.centre.numpy() == pytest.approx(seen.mean(0), rel=1e-5)
    assert task.model.spread.numpy() == pytest.approx(seen.std(0), rel=1e-5)
    engine = EngineConfig(steps=2, evaluate_every=9, warmup=1, lr=1e-2, bf16=False)
    Trainer(task, engine, tmp_path / "out", torch.device("cpu")).run()
    trained = load_file(str(tmp_path / "out" / LAST))
    TemporalBiLSTM(SIGNS, 8).load_state_dict(trained, strict=True)
    assert torch.equal(trained["centre"], task.model.centre)
    rows = read_scores(tmp_path / "out" / "scores.csv")
    assert {row.source for row in rows if not row.fake} == {"b"}
    assert {row.source for row in rows if row.fake} == {"a", "b"}
    assert len(rows) == 3


def test_another_network_over_time_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no network over time is called 'magic'"):
        reader_of("magic", str(tmp_path), 0, 8)
