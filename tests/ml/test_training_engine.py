"""The training loop: a resumed run equals an uninterrupted one; bad recipes are refused."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ml.training.cli import main
from ml.training.engine import (
    BEST,
    LAST,
    ConfigError,
    EngineConfig,
    Trainer,
    learning_rate,
    section,
    update_average,
)
from ml.training.precision import mixed_precision


class LineTask:
    """Learn y = 2x from noisy batches."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model: nn.Module = nn.Linear(1, 1)

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        x = torch.from_numpy(rng.standard_normal((8, 1), dtype=np.float32))
        return x, 2 * x

    def loss(self, model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        return nn.functional.mse_loss(model(batch[0]).float(), batch[1])

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        error = abs(float(model(torch.ones(1, 1))) - 2.0)
        return {"error": error, "score": -error}


def _trainer(out: Path, steps: int, **options: float) -> Trainer:
    config = EngineConfig(steps=steps, lr=0.1, warmup=1, ema=0.5, bf16=False, **options)  # type: ignore[arg-type]
    return Trainer(LineTask(), config, out, torch.device("cpu"))


def test_training_learns_and_leaves_weights_logs_and_checkpoint(tmp_path: Path) -> None:
    figures = _trainer(tmp_path, 120, evaluate_every=60).run()
    assert figures["error"] < 0.3
    assert {p.name for p in tmp_path.iterdir()} >= {
        "checkpoint.pt", "best.safetensors", "last.safetensors", "tensorboard",
    }  # fmt: skip


def test_a_stopped_run_continues_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    _trainer(whole, 40).run()
    parted = tmp_path / "parted"
    first = _trainer(parted, 40)

    class Stopped(Exception):
        pass

    draw = first._draw

    def stop_at_25(step: int) -> tuple[Tensor, ...]:
        if step == 25:
            first._save()
            raise Stopped
        return draw(step)

    first.config = EngineConfig(steps=40, lr=0.1, warmup=1, ema=0.5, bf16=False, prefetch=0)
    first._draw = stop_at_25  # type: ignore[method-assign]
    with pytest.raises(Stopped):
        first.run()
    second = _trainer(parted, 40)
    assert 0 < second.step < 40
    second.run()
    for key, value in load_file(str(whole / LAST)).items():
        torch.testing.assert_close(load_file(str(parted / LAST))[key], value)


class Stuck(LineTask):
    """Never better than at first."""

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        return {"score": 0.0}


def test_a_run_without_progress_stops_early_and_is_not_trained_further(tmp_path: Path) -> None:
    config = EngineConfig(steps=500, bf16=False, evaluate_every=5, patience=3)
    first = Trainer(Stuck(), config, tmp_path, torch.device("cpu"))
    figures = first.run()
    assert first.step == 20
    weights = load_file(str(tmp_path / LAST))
    again = Trainer(Stuck(), config, tmp_path, torch.device("cpu"))
    assert again.run() == figures == {"score": 0.0}
    assert again.step == 20
    for key, value in load_file(str(tmp_path / LAST)).items():
        assert weights[key].equal(value)
    longer = EngineConfig(steps=500, bf16=False, evaluate_every=5, patience=4)
    more = Trainer(Stuck(), longer, tmp_path, torch.device("cpu"))
    more.run()
    assert more.step == 25


def test_a_stop_while_judging_loses_neither_the_steps_nor_the_judgement(tmp_path: Path) -> None:
    class Stopped(LineTask):
        def evaluate(self, model: nn.Module) -> Mapping[str, float]:
            raise KeyboardInterrupt

    whole = _trainer(tmp_path / "whole", 20, evaluate_every=20).run()
    options = EngineConfig(steps=20, lr=0.1, warmup=1, ema=0.5, bf16=False, evaluate_every=20)
    out = tmp_path / "parted"
    with pytest.raises(KeyboardInterrupt):
        Trainer(Stopped(), options, out, torch.device("cpu")).run()
    second = _trainer(out, 20, evaluate_every=20)
    assert (second.step, second.judged) == (20, 0)
    assert second.run() == pytest.approx(whole)
    best = {key: value.tolist() for key, value in load_file(str(out / BEST)).items()}
    expected = load_file(str(tmp_path / "whole" / BEST))
    assert best == {key: value.tolist() for key, value in expected.items()}


def test_a_loss_that_is_not_a_number_stops_the_run(tmp_path: Path) -> None:
    class Broken(LineTask):
        def loss(self, model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
            return super().loss(model, batch) * float("nan")

    trainer = Trainer(Broken(), EngineConfig(steps=3, bf16=False), tmp_path, torch.device("cpu"))
    with pytest.raises(FloatingPointError, match="lower 'lr'"):
        trainer.run()


def test_the_average_follows_parameters_and_counts() -> None:
    average, model = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    nn.init.constant_(model.weight, 3.0)
    model.num_batches_tracked.fill_(7)
    update_average(average, model, 0.75)
    torch.testing.assert_close(average.weight, torch.full((2,), 1.5))
    assert int(average.num_batches_tracked) == 7


def test_the_rate_warms_up_and_falls_to_its_end() -> None:
    config = EngineConfig(steps=100, lr=1.0, final_lr=0.1, warmup=10)
    assert learning_rate(config, 0.0, 0) == pytest.approx(0.1)
    assert learning_rate(config, 0.0, 9) == pytest.approx(1.0)
    assert learning_rate(config, 1.0, 100) == pytest.approx(0.1)


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(ConfigError, match=r"\['stepz'\]"):
        section(EngineConfig, {"stepz": 3})
    with pytest.raises(ConfigError, match="steps"):
        section(EngineConfig, {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no table [engine]"),
        ("[engine]\nsteps = 1\n", "no table 'gate'"),
        ("[engine\n", "cannot be read"),
    ],
)
def test_the_command_refuses_an_unusable_recipe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(text, encoding="utf-8")
    assert main(["gate", "--config", str(recipe), "--out", str(tmp_path / "o")]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("able", "wanted", "dtype"),
    [
        ({"avx2": True, "avx512_bf16": True}, True, torch.bfloat16),
        ({"avx2": True, "avx512_bf16": True}, False, torch.float32),
        ({"avx2": True, "avx512_bf16": False, "amx_bf16": False}, True, torch.float32),
        ({"architecture": "aarch64", "bf16": True}, True, torch.bfloat16),
    ],
)
def test_half_precision_is_used_where_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch, able: dict[str, object], wanted: bool, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    with mixed_precision(wanted=wanted):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is dtype
