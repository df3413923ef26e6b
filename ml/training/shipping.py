"""Turn a trained network into a shipped weight: half precision, checked, its hash registered."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ml.training.engine import save_tensors

TOLERANCE = 1e-2


class PrecisionLost(ValueError):
    """Half precision moves the logits by more than the tolerance."""


def ship(model: nn.Module, example: tuple[Tensor, ...], name: str, folder: Path) -> str:
    """Write ``folder/name.safetensors`` and its SHA-256 into ``folder/registry.toml``.

    ``example`` are inputs of ``model``; the logits of the shipped file must agree with the
    trained ones to 1e-2, else PrecisionLost. The registry must already have the table ``name``.
    Returns the hash.
    """
    model.eval()
    path = folder / f"{name}.safetensors"
    with torch.inference_mode():
        before = model(*example)
    save_tensors(model, path, half=True)
    trained = {key: value.clone() for key, value in model.state_dict().items()}
    model.load_state_dict(
        {key: value.to(trained[key].dtype) for key, value in load_file(str(path)).items()}
    )
    with torch.inference_mode():
        moved = float((model(*example) - before).abs().max())
    model.load_state_dict(trained)
    if moved > TOLERANCE:
        path.unlink()
        raise PrecisionLost(f"half precision moves the logits of '{name}' by {moved:.4f}")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    registry = folder / "registry.toml"
    registry.write_text(with_hash(registry.read_text("utf-8"), name, digest), "utf-8")
    return digest


def with_hash(registry: str, name: str, digest: str) -> str:
    """The registry's text with the hash of ``name`` replaced. Raises ValueError without such a
    table."""
    pattern = re.compile(rf'(^\[{re.escape(name)}\]\n(?:(?!^\[).*\n)*?^sha256 = ")[^"]*(")', re.M)
    text, count = pattern.subn(rf"\g<1>{digest}\g<2>", registry)
    if count != 1:
        raise ValueError(f"the registry has no table [{name}] with a line 'sha256 = \"...\"'")
    return text
