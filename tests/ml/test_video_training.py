"""Training of the BiLSTM: what comes out is the whole network, with the student's backbone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ml.models.resnext_lstm import ResNeXtLSTM
from ml.models.xception import load_strict
from ml.training import video
from ml.training.distillation import Student
from ml.training.engine import LAST, EngineConfig, Trainer
from ml.training.video import Sequences, VideoConfig, VideoTask


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
        VideoConfig(str(tmp_path / "student.safetensors"), "", batch=4), tmp_path, tmp_path
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
