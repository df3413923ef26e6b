"""Read a profile: which branches run, how frames are chosen, how the finding is made."""

from __future__ import annotations

import hashlib
import os
import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ml.errors import ParameterError
from ml.fusion.decision import DecisionRule
from ml.media.plan import DecodePlan
from ml.parameters import Parameters
from ml.profiles import FOLDER, profile_names

STANDARD = "standard"
SAMPLINGS = ("uniform", "step")


@dataclass(frozen=True)
class Profile:
    """One TOML file. ``branches`` run in this order; ``shares`` are the weights of the weighted
    average; ``tau`` sharpens the adaptive strategy; ``sampling``, ``max_frames``,
    ``frame_step`` choose frames; ``detect_every`` detects faces on every k-th of them;
    ``min_face`` leaves out faces of fewer pixels (0: the detector's own limit)."""

    name: str
    sha256: str
    title: str
    description: str
    branches: tuple[str, ...]
    face_detector: str = "mtcnn"
    detect_every: int = 1
    min_face: int = 0
    sampling: str = "uniform"
    max_frames: int = 32
    frame_step: int = 5
    fusion_strategy: str = "logistic"
    threshold: float = 0.5
    prior: float = 0.5
    audio_temperature: float = 1.0
    inconclusive_lr: float = 2.0
    abstain_below: float = 0.0
    tau: float = 1.0
    shares: dict[str, float] = field(default_factory=dict)

    def plan(self, parameters: Parameters) -> DecodePlan:
        """What to decode, with the caller's parameters over the profile's values."""
        return DecodePlan(
            sampling=self.sampling,
            max_frames=parameters.max_frames or self.max_frames,
            frame_step=parameters.frame_step or self.frame_step,
            dense_s=10.0 if "av_sync" in self.branches else 0.0,
            credentials="metadata" in self.branches,
            trust_anchors=_trust_anchors(),
        )

    def rule(self, parameters: Parameters) -> DecisionRule:
        """How to decide, with the caller's parameters over the profile's values."""
        return DecisionRule(
            strategy=parameters.fusion_strategy or self.fusion_strategy,
            threshold=_first(parameters.threshold, self.threshold),
            prior=_first(parameters.prior, self.prior),
            audio_temperature=_first(parameters.audio_temperature, self.audio_temperature),
            inconclusive_lr=self.inconclusive_lr,
            abstain_below=self.abstain_below,
            tau=self.tau,
            shares=self.shares,
        )


def load_profile(name: str | Path) -> Profile:
    """A packaged profile by name, or a TOML file by path. Raises ``ParameterError(profile)``."""
    path = Path(name) if str(name).endswith(".toml") else FOLDER / f"{name}.toml"
    try:
        content = path.read_bytes()
        table = tomllib.loads(content.decode("utf-8"))
    except (OSError, ValueError) as error:
        raise ParameterError(
            "profile",
            f"There is no usable profile '{name}' ({error}). "
            f"Packaged profiles: {', '.join(profile_names())}.",
        ) from error
    return _build(path.stem, hashlib.sha256(content).hexdigest(), table)


def _build(name: str, sha256: str, table: dict[str, Any]) -> Profile:
    unknown = sorted(set(table) - ({item.name for item in fields(Profile)} - {"name", "sha256"}))
    if unknown:
        raise ParameterError("profile", f"Profile '{name}' has unknown keys: {', '.join(unknown)}.")
    try:
        profile = Profile(name=name, sha256=sha256, **table)
    except TypeError as error:
        raise ParameterError("profile", f"Profile '{name}' is incomplete: {error}.") from error
    _check(profile)
    return replace(profile, branches=tuple(profile.branches))


def _check(profile: Profile) -> None:
    """Raises ``ParameterError(profile)`` for a value that the analysis would only stumble over,
    or not notice."""
    try:
        Parameters.from_dict(
            {name: getattr(profile, name) for name in Parameters.__dataclass_fields__}
        )
    except ParameterError as error:
        raise ParameterError("profile", f"Profile '{profile.name}': {error.message}") from error
    for name, right, words in (
        ("branches", _are_names(profile.branches), "a list of branches"),
        ("sampling", profile.sampling in SAMPLINGS, f"one of {', '.join(SAMPLINGS)}"),
        ("shares", set(profile.shares) <= set(profile.branches), "weights of its branches"),
        ("detect_every", _at_least(profile.detect_every, 1), "a number from 1"),
        ("min_face", _at_least(profile.min_face, 0), "a number from 0"),
        ("inconclusive_lr", _at_least(profile.inconclusive_lr, 1), "a number from 1"),
        ("abstain_below", _at_least(profile.abstain_below, 0), "a number from 0"),
        ("tau", _at_least(profile.tau, 0), "a number from 0"),
    ):
        if not right:
            raise ParameterError("profile", f"Profile '{profile.name}': {name} must be {words}.")


def _are_names(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)


def _at_least(value: Any, least: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= least


def _trust_anchors() -> str:
    """Certificates of trusted signers: the PEM file named by DFD_C2PA_TRUST_ANCHORS."""
    path = os.environ.get("DFD_C2PA_TRUST_ANCHORS", "")
    try:
        return Path(path).read_text(encoding="ascii") if path else ""
    except (OSError, ValueError) as error:
        raise ParameterError(
            "DFD_C2PA_TRUST_ANCHORS", f"The trust anchors {path} cannot be read: {error}."
        ) from error


def _first(given: float | None, own: float) -> float:
    return own if given is None else given
