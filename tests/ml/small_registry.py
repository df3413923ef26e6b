"""A weights folder with two small calibrated networks, seeded: for tests of the path, not of
accuracy."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from ml.fusion.calibration import Calibrator, CalibratorKind, fit_calibrator
from ml.models.tiny_ladeda import TinyLaDeDa
from ml.training.engine import save_tensors

_ENTRY = """
[{name}]
file = "{name}.safetensors"
sha256 = "{sha256}"
architecture = "Tiny-LaDeDa"
label_polarity = "class1_fake"
dtype = "float32"
initialisation = "seeded, for tests"
training_data = "none"
licence = "Apache-2.0"
validated_domain = "none"
not_validated_for = "everything"
calibration = "calibration/{name}.toml"

[{name}.preprocessing]
size = 192
margin = 0.3
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 0.225]
"""

PROFILE = """
title = "One small branch"
description = "For tests."
branches = ["tiny_ladeda", "aasist", "metadata"]
max_frames = 8
"""


_MORE = """
[{name}]
file = "{name}.safetensors"
sha256 = "{sha256}"
architecture = "test"
label_polarity = "class1_fake"
dtype = "float32"
initialisation = "seeded, for tests"
training_data = "none"
licence = "Apache-2.0"
validated_domain = "none"
not_validated_for = "everything"
config = {config}
preprocessing = {preprocessing}
"""


def add_weight(
    folder: Path, name: str, network: nn.Module, preprocessing: str, config: str = "{}"
) -> str:
    """Register ``network`` in ``folder`` without a calibrator; returns its SHA-256.
    ``preprocessing`` and ``config`` are TOML tables."""
    folder.mkdir(parents=True, exist_ok=True)
    save_tensors(network, folder / f"{name}.safetensors")
    sha256 = hashlib.sha256((folder / f"{name}.safetensors").read_bytes()).hexdigest()
    entry = _MORE.format(name=name, sha256=sha256, config=config, preprocessing=preprocessing)
    with (folder / "registry.toml").open("a", encoding="utf-8") as file:
        file.write(entry)
    return sha256


def calibrator(seed: int = 0) -> Calibrator:
    """Two unit Gaussians two apart."""
    generator = np.random.default_rng(seed)
    is_fake = np.arange(200) % 2 == 1
    scores = generator.normal(size=200) + 2.0 * is_fake - 1.0
    return fit_calibrator(CalibratorKind.PLATT, scores, is_fake)


def make_registry(folder: Path) -> Path:
    """Write registry, weights and calibrator; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    file = folder / "tiny_ladeda.safetensors"
    save_file(TinyLaDeDa().state_dict(), file)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    (folder / "registry.toml").write_text(_ENTRY.format(name="tiny_ladeda", sha256=sha256))
    calibrator().save(folder / "calibration" / "tiny_ladeda.toml")
    return folder


def make_profile(folder: Path, text: str = PROFILE) -> Path:
    """Write a profile file; returns its path."""
    path = folder / "small.toml"
    path.write_text(text)
    return path
