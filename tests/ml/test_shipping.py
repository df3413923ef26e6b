"""Shipped weights agree with the trained ones and carry their hash in the registry."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ml.errors import WeightsError
from ml.models.face_autoencoder import FaceAutoencoder
from ml.models.resnext_lstm import ResNeXtLSTM
from ml.models.sync_net import SyncNet
from ml.models.temporal_bilstm import TemporalBiLSTM
from ml.models.tiny_ladeda import TinyLaDeDa
from ml.training.cli import main
from ml.training.shipping import PrecisionLost, example_logits, ship, with_hash
from ml.weights.registry import WeightRegistry
from tests.ml.small_registry import add_weight, make_registry

COLOURS = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}


def small(folder: Path) -> WeightRegistry:
    add_weight(folder, "other", nn.Linear(1, 1), "{}")
    add_weight(folder, "small", nn.Linear(4, 2), "{}")
    return WeightRegistry(folder)


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def shipping(folder: Path, name: str, file: Path) -> list[str]:
    return ["ship", "--name", name, "--weights", str(file), "--weights-dir", str(folder)]


def trained(path: Path, model: nn.Module) -> Path:
    save_file(model.state_dict(), path)
    return path


def test_the_hash_is_that_of_the_file_and_other_entries_stay(tmp_path: Path) -> None:
    registry = small(tmp_path)
    other = registry.entry("other")
    torch.manual_seed(1)
    model, inputs = nn.Linear(4, 2), torch.randn(3, 4)
    digest = ship(model, lambda: model(inputs), "small", registry)
    assert hashlib.sha256(registry.path("small").read_bytes()).hexdigest() == digest
    after = WeightRegistry(tmp_path)
    assert after.entry("small").sha256 == digest
    assert after.entry("other") == other
    assert {path.suffix for path in contents(tmp_path)} == {".safetensors", ".toml"}


@pytest.mark.parametrize("weight", [1.0 + 2**-12, float("nan")])
def test_a_network_that_half_precision_changes_is_not_shipped(
    tmp_path: Path, weight: float
) -> None:
    registry = small(tmp_path)
    before = contents(tmp_path)
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, weight)
    with pytest.raises(PrecisionLost, match="small"):
        ship(model, lambda: model(torch.full((1, 1), 1000.0)), "small", registry)
    assert contents(tmp_path) == before


def test_an_unregistered_name_is_refused() -> None:
    with pytest.raises(WeightsError, match=r"no table \[absent\]"):
        with_hash('[other]\nsha256 = "aaa"\n', "absent", "x")


def test_the_command_ships_what_the_branch_then_loads(tmp_path: Path) -> None:
    folder = make_registry(tmp_path / "weights")
    torch.manual_seed(1)
    model = TinyLaDeDa()
    file = trained(tmp_path / "best.safetensors", model)
    assert main(shipping(folder, "tiny_ladeda", file)) == 0
    loaded = WeightRegistry(folder).load("tiny_ladeda")
    assert loaded["fc.weight"].equal(model.fc.weight.detach().half().float())
    assert not loaded["fc.weight"].equal(model.fc.weight)


def test_the_command_refuses_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_registry(tmp_path / "weights")
    before = contents(folder)
    right = trained(tmp_path / "right.safetensors", TinyLaDeDa())
    wrong = trained(tmp_path / "wrong.safetensors", nn.Linear(1, 1))
    letter = tmp_path / "letter.safetensors"
    letter.write_text("Dear reader")
    for name, file, words in (
        ("magic", right, "No weights called 'magic'"),
        ("tiny_ladeda", tmp_path / "none.safetensors", "none.safetensors cannot be read"),
        ("tiny_ladeda", wrong, "do not fit TinyLaDeDa"),
        ("tiny_ladeda", letter, "is not a safetensors file"),
    ):
        assert main(shipping(folder, name, file)) == 2
        assert words in capsys.readouterr().err
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("build", "fed", "shape"),
    [
        (SyncNet, {"synchrony_deviation": 0.5}, (16, 31)),
        (partial(TemporalBiLSTM, 8, 4), {"size": 32, **COLOURS}, (1,)),
        (partial(FaceAutoencoder, 2, 2), {"size": 32, "error_deviation": 0.1, **COLOURS}, (16,)),
        (partial(ResNeXtLSTM, 4, 1), {"size": 32, **COLOURS}, (1, 2)),
        (TinyLaDeDa, {"size": 32, **COLOURS}, (16,)),
        (partial(nn.Linear, 20, 2), {"samples": 20, "rms": 0.05}, (2, 2)),
    ],
)
def test_every_kind_of_network_gets_inputs_of_its_own(
    build: Callable[[], nn.Module], fed: dict[str, Any], shape: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    model = build().eval()
    with torch.inference_mode():
        logits = example_logits(model, fed)
        assert logits.shape == shape
        assert logits.isfinite().all()
        torch.testing.assert_close(example_logits(model, fed), logits)
