"""One training loop for every branch: seeded, resumable, logged, averaged, stopped early.

Batch n depends on the seed and on n alone, so a run that was stopped and resumed sees the same
data in the same order as one that was not.
"""

from __future__ import annotations

import copy
import math
import os
import random
import time
import tomllib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from ml.training.precision import mixed_precision

CHECKPOINT = "checkpoint.pt"
BEST = "best.safetensors"
LAST = "last.safetensors"
Section = TypeVar("Section")


class ConfigError(ValueError):
    """A training configuration that cannot be used; the message names the key."""


@dataclass(frozen=True)
class EngineConfig:
    """The ``[engine]`` table of a training configuration.

    ``evaluate_every`` steps the averaged weights are judged; after ``patience`` judgements
    without a better one the run ends (0: never). ``checkpoint_s`` bounds the work a stop loses,
    and so does a checkpoint before every judgement. ``time_limit_s`` ends a run early and, because
    the schedule follows the larger of steps and time used, with its learning rate fully annealed
    (0: none). ``threads`` 0 leaves torch's own.
    """

    steps: int
    lr: float = 2e-4
    final_lr: float = 1e-6
    warmup: int = 50
    weight_decay: float = 1e-4
    ema: float = 0.995
    clip: float = 1.0
    seed: int = 1
    evaluate_every: int = 200
    patience: int = 0
    checkpoint_s: float = 45.0
    time_limit_s: float = 0.0
    threads: int = 0
    bf16: bool = True
    prefetch: int = 1


class Task(Protocol):
    """What a branch brings: a network, numbered batches, a loss and a judgement."""

    @property
    def model(self) -> nn.Module: ...

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """One training batch drawn with ``rng`` only."""
        ...

    def loss(self, model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        """Scalar loss of ``batch``, already on the model's device."""
        ...

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """Figures of held-out data; ``score`` is the one to maximise."""
        ...


@runtime_checkable
class Reporting(Protocol):
    """A task that leaves more than weights behind, such as the scores of what it held out."""

    def report(self, model: nn.Module, out: Path) -> None:
        """Called once with the averaged network when the run ends."""
        ...


def read_config(path: Path) -> dict[str, Any]:
    """The tables of a TOML training configuration. Raises ConfigError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"the configuration {path} cannot be read: {error}") from error


def section(kind: type[Section], table: Mapping[str, Any]) -> Section:
    """``table`` as the frozen dataclass ``kind``. Raises ConfigError for a wrong key."""
    known = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(table.keys() - known)
    if unknown:
        raise ConfigError(f"unknown keys {unknown}; {kind.__name__} knows {sorted(known)}")
    try:
        return kind(**table)
    except TypeError as error:
        raise ConfigError(str(error)) from error


def learning_rate(config: EngineConfig, progress: float, step: int) -> float:
    """Linear warm-up over ``warmup`` steps, then a cosine from ``lr`` to ``final_lr``."""
    warm = min(1.0, (step + 1) / max(1, config.warmup))
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return warm * (config.final_lr + (config.lr - config.final_lr) * cosine)


class Trainer:
    """Trains ``task.model`` and leaves in ``out``: the checkpoint, TensorBoard logs, the averaged
    weights of the best judgement and of the last step."""

    def __init__(self, task: Task, config: EngineConfig, out: Path, device: torch.device) -> None:
        self.task, self.config, self.out, self.device = task, config, out, device
        out.mkdir(parents=True, exist_ok=True)
        if config.threads:
            torch.set_num_threads(config.threads)
        seed_everything(config.seed)
        self.model = task.model.to(device)
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            [p for p in self.model.parameters() if p.requires_grad],
            lr=config.lr,
            weight_decay=config.weight_decay,
            fused=True,
        )
        self.step = 0
        self.judged = 0
        self.figures: dict[str, float] = {}
        self.used_s = 0.0
        self.best = -math.inf
        self.stale = 0
        self._resume()

    @property
    def progress(self) -> float:
        """Share of the run that is done, by steps or by time, whichever is further."""
        by_time = self.used_s / self.config.time_limit_s if self.config.time_limit_s else 0.0
        return max(self.step / self.config.steps, by_time)

    @property
    def finished(self) -> bool:
        """Whether all steps or all the time are used, or ``patience`` is at its end."""
        patience = self.config.patience
        return self.progress >= 1.0 or (patience > 0 and self.stale >= patience)

    @property
    def judgement_due(self) -> bool:
        """Whether this step is to be judged and has not been: also after a stop in between."""
        due = self.step % self.config.evaluate_every == 0 or self.progress >= 1.0
        return due and self.step > self.judged

    def run(self) -> dict[str, float]:
        """Train to the end; returns the last judgement. May be interrupted at any moment; a run
        that had ended is not trained further."""
        writer = SummaryWriter(str(self.out / "tensorboard"))
        saved = begun = time.monotonic()
        before = self.used_s
        if self.judgement_due:
            self._judge(writer)
        with ThreadPoolExecutor(1) as pool, tqdm(total=self.config.steps, initial=self.step) as bar:
            queue = [pool.submit(self._draw, self.step + k) for k in range(self.config.prefetch)]
            while not self.finished:
                queue.append(pool.submit(self._draw, self.step + self.config.prefetch))
                loss = self._update(queue.pop(0).result())
                self.step += 1
                self.used_s = before + time.monotonic() - begun
                bar.update()
                bar.set_postfix(loss=f"{loss:.3f}")
                writer.add_scalar("train/loss", loss, self.step)
                writer.add_scalar("train/lr", self.optimizer.param_groups[0]["lr"], self.step)
                if self.judgement_due or time.monotonic() - saved > self.config.checkpoint_s:
                    self._save()
                    saved = time.monotonic()
                if self.judgement_due:
                    self._judge(writer)
            for waiting in queue:
                waiting.cancel()
        self._save()
        save_tensors(self.average, self.out / LAST)
        if isinstance(self.task, Reporting):
            self.average.eval()
            self.task.report(self.average, self.out)
        writer.close()
        return self.figures

    def _draw(self, step: int) -> tuple[Tensor, ...]:
        return self.task.batch(np.random.default_rng((self.config.seed, step)))

    def _update(self, batch: tuple[Tensor, ...]) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.config, self.progress, self.step)
        self.model.train()
        batch = tuple(tensor.to(self.device) for tensor in batch)
        with mixed_precision(self.device, wanted=self.config.bf16):
            loss = self.task.loss(self.model, batch)
        if not torch.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss.item()} at step {self.step}; lower 'lr'")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimizer.step()
        update_average(
            self.average, self.model, min(self.config.ema, (1 + self.step) / (10 + self.step))
        )
        return float(loss.detach())

    def _judge(self, writer: SummaryWriter) -> None:
        self.average.eval()
        with torch.inference_mode():
            judgement = self.task.evaluate(self.average)
        figures = {name: float(value) for name, value in judgement.items()}
        for name, value in figures.items():
            writer.add_scalar(f"held-out/{name}", value, self.step)
        tqdm.write(f"step {self.step}: " + ", ".join(f"{k} {v:.4f}" for k, v in figures.items()))
        if figures["score"] > self.best:
            self.best, self.stale = figures["score"], 0
            save_tensors(self.average, self.out / BEST)
        else:
            self.stale += 1
        self.figures, self.judged = figures, self.step

    def _save(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "judged": self.judged,
            "figures": self.figures,
            "used_s": self.used_s,
            "best": self.best,
            "stale": self.stale,
            "torch_rng": torch.get_rng_state(),
        }
        part = self.out / (CHECKPOINT + ".part")
        torch.save(state, part)
        os.replace(part, self.out / CHECKPOINT)

    def _resume(self) -> None:
        path = self.out / CHECKPOINT
        if not path.exists():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.used_s = state["step"], state["used_s"]
        self.best, self.stale = state["best"], state["stale"]
        # A checkpoint of earlier versions holds neither; it was written after its judgement.
        self.judged = state.get("judged", self.step)
        self.figures = state.get("figures", {})
        torch.set_rng_state(state["torch_rng"].cpu())


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Move the exponential moving average of parameters and floating buffers towards ``model``."""
    means, values = average.state_dict().values(), model.state_dict().values()
    pairs = list(zip(means, values, strict=True))
    floating = [(mean, value) for mean, value in pairs if mean.is_floating_point()]
    torch._foreach_lerp_([m for m, _ in floating], [v for _, v in floating], 1.0 - decay)
    for mean, value in pairs:
        if not mean.is_floating_point():
            mean.copy_(value)


def save_tensors(
    model: nn.Module,
    path: Path,
    *,
    keep: Callable[[str], bool] = lambda _: True,
    half: bool = False,
) -> None:
    """Write the (chosen) tensors of ``model`` as safetensors; with ``half`` the floating ones as
    fp16, except batch statistics, whose small values fp16 would lose."""
    tensors = {
        key: (
            value.half() if half and value.is_floating_point() and "running_" not in key else value
        )
        .contiguous()
        .cpu()
        for key, value in model.state_dict().items()
        if keep(key)
    }
    part = path.with_suffix(".part")
    save_file(tensors, str(part))
    part.chmod(0o644)
    os.replace(part, path)
