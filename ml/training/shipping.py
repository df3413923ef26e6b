"""Turn a trained network into a shipped weight: half precision, checked, its hash registered.

``python -m ml train ship --name NAME --weights FILE``: the registry's entry NAME says which branch
loads FILE and what it is fed. The entry must be there; only its file and its hash are written.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from ml.branches.lip_input import MELS_PER_FRAME
from ml.branches.registry import create_branch
from ml.errors import MlError, WeightsCode, WeightsError
from ml.models.face_autoencoder import FaceAutoencoder
from ml.models.face_ensemble import FaceEnsemble
from ml.models.resnext_lstm import ResNeXtLSTM
from ml.models.sync_net import MELS, MOUTH, REACH, SyncNet, distance_by_shift
from ml.models.temporal_bilstm import TemporalBiLSTM
from ml.training.engine import save_tensors
from ml.weights.registry import WeightRegistry

TOLERANCE = 1e-2
CLIP = 16
_PATCHES = 8


class PrecisionLost(MlError):
    """Half precision moves the logits by more than the tolerance."""


@runtime_checkable
class Networked(Protocol):
    """A branch that has loaded its network."""

    model: nn.Module


class Trained(WeightRegistry):
    """The registry of ``folder`` with the trained ``file`` in the place of ``name``."""

    def __init__(self, folder: Path | None, name: str, file: Path) -> None:
        super().__init__(folder)
        try:
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
        except OSError as error:
            raise WeightsError(
                WeightsCode.MISSING, f"The trained weights {file} cannot be read: {error.strerror}."
            ) from error
        self._entries[name] = replace(self.entry(name), file=str(file.resolve()), sha256=digest)


def ship_file(name: str, file: Path, folder: Path | None = None) -> str:
    """Ship the trained safetensors ``file`` as the weight ``name`` of the registry in ``folder``
    (None: the packaged one). Returns the hash. Raises WeightsError (unknown name, no such file,
    tensors that do not fit), PrecisionLost."""
    trained = Trained(folder, name, file)
    branch = create_branch(name)
    branch.load(trained, torch.device("cpu"))
    assert isinstance(branch, Networked)
    logits = partial(example_logits, branch.model, trained.entry(name).preprocessing)
    return ship(branch.model, logits, name, WeightRegistry(folder))


def ship(
    model: nn.Module, logits: Callable[[], Tensor], name: str, registry: WeightRegistry
) -> str:
    """Write the file of ``name`` and its SHA-256 into the registry; returns the hash.

    ``logits`` are those of ``model`` on the same inputs at every call; with the tensors of the
    shipped file, which ``model`` then has, they must agree with the trained ones to 1e-2, else
    PrecisionLost, and what was shipped before stays.
    """
    path, table = registry.path(name), registry.folder / "registry.toml"
    candidate = path.with_suffix(".candidate")
    try:
        save_tensors(model.eval(), candidate, half=True)
        with torch.inference_mode():
            before = logits()
            model.load_state_dict(load_file(str(candidate)))
            moved = float((logits() - before).abs().max())
        # Written so that a logit that is no number is refused too.
        if not moved <= TOLERANCE:
            raise PrecisionLost(
                "precision_lost", f"Half precision moves the logits of '{name}' by {moved:.4f}."
            )
        digest = hashlib.sha256(candidate.read_bytes()).hexdigest()
        text = with_hash(table.read_text("utf-8"), name, digest)
        os.replace(candidate, path)
    finally:
        candidate.unlink(missing_ok=True)
    table.write_text(text, "utf-8")
    return digest


def example_logits(model: nn.Module, fed: Mapping[str, Any]) -> Tensor:
    """The network's logits on seeded inputs of the shape, level and range that ``fed``, the
    ``preprocessing`` of its entry, names: noise for sound, soft patches of colour for pictures.
    Of lip synchrony it is what a distance adds to the logit, of the autoencoder what a face does.
    """
    drawn = torch.Generator().manual_seed(0)
    if isinstance(model, SyncNet):
        mouths = torch.rand(1, CLIP, MOUTH, MOUTH, generator=drawn)
        mels = torch.randn(1, MELS_PER_FRAME * (CLIP + 2 * REACH), MELS, generator=drawn)
        distances = distance_by_shift(model.embed_video(mouths)[0], model.embed_audio(mels)[0])
        return distances / float(fed["synchrony_deviation"])
    if isinstance(model, TemporalBiLSTM):
        noise = torch.randn(1, CLIP, model.lstm.input_size, generator=drawn)
        return _output(model, model.centre + model.spread * noise)
    if "samples" in fed:
        return _output(model, fed["rms"] * torch.randn(2, fed["samples"], generator=drawn))
    pictures = _pictures(fed, drawn)
    if isinstance(model, FaceAutoencoder):
        return model.error_map(pictures).mean(dim=(1, 2)) / float(fed["error_deviation"])
    clip = isinstance(model, ResNeXtLSTM | FaceEnsemble)
    return _output(model, pictures[None] if clip else pictures)


def _pictures(fed: Mapping[str, Any], drawn: torch.Generator) -> Tensor:
    """Normalised pictures (CLIP, 3, S, S)."""
    patches = torch.rand(CLIP, 3, _PATCHES, _PATCHES, generator=drawn)
    pictures = functional.interpolate(patches, (fed["size"],) * 2, mode="bilinear")
    mean, deviation = (torch.tensor(fed[key]).view(3, 1, 1) for key in ("mean", "std"))
    return (pictures - mean) / deviation


def _output(model: nn.Module, inputs: Tensor) -> Tensor:
    output: Tensor = model(inputs)
    return output


def with_hash(registry: str, name: str, digest: str) -> str:
    """The registry's text with the hash of ``name`` replaced. Raises WeightsError without such a
    table."""
    pattern = re.compile(rf'(^\[{re.escape(name)}\]\n(?:(?!^\[).*\n)*?^sha256 = ")[^"]*(")', re.M)
    text, count = pattern.subn(rf"\g<1>{digest}\g<2>", registry)
    if count != 1:
        raise WeightsError(
            WeightsCode.MISSING,
            f"The registry has no table [{name}] with a line 'sha256 = \"...\"'.",
        )
    return text
