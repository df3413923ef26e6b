"""The command line of the trainings: what each needs, and that its seed says all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ml.training.cli import main
from ml.training.engine import LAST


def stored(folder: Path) -> Path:
    """A folder with the store that ``exit`` leaves and ``gate`` reads: 40 small crops."""
    store = folder / "store"
    store.mkdir(parents=True)
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 255, (40, 32, 32, 3), dtype=np.uint8)
    save_file({"crops": torch.from_numpy(crops)}, store / "part000000.safetensors")
    fake = np.arange(40) % 2 == 1
    kinds = np.where(fake, "swap", "real")
    np.savez(
        store / "plans.npz",
        kinds=kinds, sources=np.full(40, "s"), fake=fake, clean=np.arange(40) < 20,
    )  # fmt: skip
    return folder


def recipe(path: Path, *tables: str) -> str:
    path.write_text("\n".join(["[engine]\nsteps = 2\nbf16 = false", *tables]), encoding="utf-8")
    return str(path)


def test_one_configuration_gives_one_network(tmp_path: Path) -> None:
    config = recipe(tmp_path / "gate.toml", "[gate]\nbatch = 4")
    made = []
    for process in range(2):
        # What another process would have drawn before it comes here.
        torch.manual_seed(100 + process)
        out = stored(tmp_path / str(process)) / "out"
        assert main(["gate", "--config", config, "--out", str(out), "--device", "cpu"]) == 0
        made.append(load_file(out / LAST))
    assert all(made[0][key].equal(value) for key, value in made[1].items())


@pytest.mark.parametrize("what", ["gate", "distil"])
@pytest.mark.parametrize("option", ["--data", "--dataset"])
def test_a_training_on_a_store_offers_no_data(
    what: str, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [what, "--config", "c.toml", "--out", str(tmp_path), option, "folder"]
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert f"unrecognized arguments: {option}" in capsys.readouterr().err


def test_the_exit_flow_needs_data_only_to_build_its_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backbone = tmp_path / "backbone.safetensors"
    trained = f'[exit]\nbackbone = "{backbone}"'
    fold = recipe(tmp_path / "fold.toml", trained)
    out = ["--out", str(tmp_path / "out")]
    assert main(["exit", "--config", fold, *out]) == 2
    assert str(backbone) in capsys.readouterr().err
    store = f'[store]\nbackbone = "{backbone}"\nlandmarks = "l.npz"'
    whole = recipe(tmp_path / "whole.toml", trained, store)
    assert main(["exit", "--config", whole, *out]) == 2
    assert "name a folder with --data" in capsys.readouterr().err


def test_what_reads_a_store_says_how_to_make_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = recipe(tmp_path / "gate.toml", "[gate]\nbatch = 4")
    assert main(["gate", "--config", config, "--out", str(tmp_path / "out")]) == 2
    assert "run 'python -m ml train exit' first" in capsys.readouterr().err
