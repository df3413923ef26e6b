"""Named weights: what the file must hash to, what it was trained on, how to feed it.

``registry.toml`` has one table per weight. A file that is missing, has another SHA-256 or other
keys than the network is a ``WeightsError``; nothing is ever initialised at random in its place.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors

from ml.errors import WeightsCode, WeightsError
from ml.result import MediaKind

PACKAGED = Path(__file__).parent


@dataclass(frozen=True)
class WeightEntry:
    """One weight's card.

    ``label_polarity``: "class1_fake" when the last output (or a single output) rises for FAKE,
    "class1_real" when it rises for bona fide. ``preprocessing`` holds what the network must be
    fed (sample_rate, samples | size, margin, mean, std ...). ``calibration`` is a file beside
    the registry or ""; ``video_calibration`` another for videos, where the mean over frames is
    another population than single photographs. ``measured`` points to the evaluation figures,
    ``video_measured`` to others for videos.
    """

    name: str
    file: str
    sha256: str
    architecture: str
    label_polarity: str
    dtype: str
    initialisation: str
    training_data: str
    licence: str
    validated_domain: str
    not_validated_for: str
    config: dict[str, Any] = field(default_factory=dict)
    preprocessing: dict[str, Any] = field(default_factory=dict)
    calibration: str = ""
    video_calibration: str = ""
    measured: str = ""
    video_measured: str = ""
    version: str = "1"

    def calibration_for(self, kind: MediaKind) -> str:
        """The calibrator's file for recordings of ``kind``; "" before there is one."""
        own = self.video_calibration if kind is MediaKind.VIDEO else ""
        return own or self.calibration


class WeightRegistry:
    """The weights in one folder, by name. Raises ``WeightsError`` when the TOML is unusable."""

    def __init__(self, folder: Path | str | None = None) -> None:
        self.folder = Path(folder) if folder is not None else PACKAGED
        self._entries = _read_entries(self.folder / "registry.toml")

    def names(self) -> tuple[str, ...]:
        """Names in the order of the file."""
        return tuple(self._entries)

    def entry(self, name: str) -> WeightEntry:
        """The card of ``name``; ``WeightsError(missing)`` when the registry has none."""
        try:
            return self._entries[name]
        except KeyError:
            raise WeightsError(
                WeightsCode.MISSING,
                f"No weights called '{name}' are registered in {self.folder / 'registry.toml'}. "
                "'python -m ml weights list' shows the names.",
            ) from None

    def path(self, name: str) -> Path:
        """Where the file of ``name`` must lie."""
        return self.folder / self.entry(name).file

    def content(self, name: str) -> bytes:
        """The checked bytes of ``name``: ``missing`` or ``hash_mismatch`` otherwise."""
        entry = self.entry(name)
        path = self.path(name)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise WeightsError(
                WeightsCode.MISSING,
                f"The weights '{name}' are missing: {path} cannot be read ({error.strerror}). "
                f"Restore the file or run 'python -m ml weights fetch {name} --from ADDRESS'.",
            ) from error
        digest = hashlib.sha256(content).hexdigest()
        if digest != entry.sha256:
            raise WeightsError(
                WeightsCode.HASH_MISMATCH,
                f"{path} is not the registered file of '{name}': its SHA-256 is {digest}, the "
                f"registry says {entry.sha256}. Restore the file; it is not used.",
            )
        return content

    def load(self, name: str) -> dict[str, torch.Tensor]:
        """The checked tensors of ``name``; half-precision ones are widened to float32."""
        try:
            tensors = load_safetensors(self.content(name))
        except SafetensorError as error:
            raise WeightsError(
                WeightsCode.KEY_MISMATCH, f"{self.path(name)} is not a safetensors file: {error}"
            ) from error
        return {
            key: tensor.float() if tensor.is_floating_point() else tensor
            for key, tensor in tensors.items()
        }

    def load_into(self, name: str, module: torch.nn.Module) -> None:
        """Fill ``module`` strictly and set it to eval; ``key_mismatch`` lists what differs."""
        tensors = self.load(name)
        expected = module.state_dict()
        missing = sorted(expected.keys() - tensors.keys())
        unexpected = sorted(tensors.keys() - expected.keys())
        shapes = sorted(
            f"{key} {tuple(tensors[key].shape)} instead of {tuple(expected[key].shape)}"
            for key in expected.keys() & tensors.keys()
            if tensors[key].shape != expected[key].shape
        )
        if missing or unexpected or shapes:
            raise WeightsError(
                WeightsCode.KEY_MISMATCH,
                f"The weights '{name}' do not fit {type(module).__name__}: "
                f"missing {missing[:8]}, unexpected {unexpected[:8]}, shapes {shapes[:8]}.",
            )
        module.load_state_dict(tensors, strict=True)
        module.eval()

    def require(self, name: str, **preprocessing: Any) -> WeightEntry:
        """The card of ``name`` after checking that it was trained with this preprocessing.

        Raises ``WeightsError(preprocessing_mismatch)`` naming the first key that differs.
        """
        entry = self.entry(name)
        for key, value in preprocessing.items():
            if entry.preprocessing.get(key) != value:
                raise WeightsError(
                    WeightsCode.PREPROCESSING_MISMATCH,
                    f"The weights '{name}' were trained with {key} = "
                    f"{entry.preprocessing.get(key)!r}, this branch feeds {value!r}.",
                )
        return entry


def _read_entries(path: Path) -> dict[str, WeightEntry]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WeightsError(
            WeightsCode.MISSING, f"The weight registry {path} cannot be read: {error}"
        ) from error
    known = {item.name for item in fields(WeightEntry)} - {"name"}
    entries = {}
    for name, table in tables.items():
        try:
            unknown = sorted(table.keys() - known)
            if unknown:
                raise TypeError(f"unknown keys {unknown}")
            entries[name] = WeightEntry(name=name, **table)
        except TypeError as error:
            raise WeightsError(
                WeightsCode.MISSING, f"The entry [{name}] of {path} is not usable: {error}"
            ) from error
    return entries
