"""The mean of networks trained alike."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ml.training.cli import main


def network(path: Path, weight: float, steps: int = 3, *, size: int = 2) -> str:
    tensors = {"layer.weight": torch.full((size,), weight), "steps": torch.tensor(steps)}
    save_file(tensors, path)
    return str(path)


def test_every_weight_is_the_mean_and_counts_stay(tmp_path: Path) -> None:
    files = [network(tmp_path / f"{n}.safetensors", float(n), 3 + n) for n in range(3)]
    out = tmp_path / "out"
    assert main(["average", "--weights", *files, "--out", str(out)]) == 0
    mean = load_file(out / "last.safetensors")
    assert mean["layer.weight"].tolist() == [1.0, 1.0]
    assert mean["steps"].item() == 3


def test_other_architectures_and_missing_files_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = network(tmp_path / "one.safetensors", 1.0)
    other = network(tmp_path / "other.safetensors", 1.0, size=3)
    out = ["--out", str(tmp_path / "out")]
    assert main(["average", "--weights", one, other, *out]) == 2
    assert "another architecture" in capsys.readouterr().err
    assert main(["average", "--weights", one, str(tmp_path / "none.safetensors"), *out]) == 2
    assert "no weights at" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
