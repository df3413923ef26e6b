"""Every branch by name. Adding one: a file with ``create()`` here in ``ml/branches``, its
weights in ``ml/weights/registry.toml``, its name below and in a profile."""

from __future__ import annotations

from importlib import import_module

from ml.branches.base import Branch
from ml.errors import ParameterError

NAMES = (
    "aasist",
    "whisper",
    "mel_xception",
    "cqcc_cnn",
    "xception",
    "resnext_lstm",
    "temporal_bilstm",
    "tiny_ladeda",
    "av_sync",
    "autoencoder",
    "ensemble",
    "metadata",
)


def create_branch(name: str) -> Branch:
    """A branch that is not loaded yet. Raises ``ParameterError(branches)`` for another name."""
    if name not in NAMES:
        raise ParameterError("branches", f"There is no branch called '{name}'.")
    branch: Branch = import_module(f"ml.branches.{name}").create()
    return branch
