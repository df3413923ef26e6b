"""The mean of networks that were trained alike from one checkpoint, on different sources each.

Such a mean holds what all of them learnt and carries over better than any one of them (Wortsman et
al. 2022, model soups). ``python -m ml train average --weights FILE FILE... --out FOLDER`` writes
``last.safetensors``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from ml.training.engine import LAST, ConfigError


def average(files: Sequence[Path], out: Path) -> dict[str, float]:
    """Write the mean of every tensor of ``files`` (safetensors) into ``out``; counts are taken
    from the first. Returns how many networks and tensors there were. Raises ConfigError when the
    files are not of one architecture, FileNotFoundError."""
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(f"no weights at {file}")
    networks = [load_file(file) for file in files]
    first = networks[0]
    shapes = {name: tensor.shape for name, tensor in first.items()}
    for file, network in zip(files, networks, strict=True):
        if {name: tensor.shape for name, tensor in network.items()} != shapes:
            raise ConfigError(f"{file} is of another architecture than {files[0]}")
    mean = {
        name: torch.stack([network[name] for network in networks]).mean(0)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in first.items()
    }
    out.mkdir(parents=True, exist_ok=True)
    save_file(mean, out / LAST)
    return {"networks": float(len(networks)), "tensors": float(len(mean))}
