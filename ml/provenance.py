"""Who computed a result, with what: versions, device, profile, parameters, timings."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from ml.parameters import Parameters
from ml.profiles.profile import Profile
from ml.result import Provenance

TOOL_VERSION = "1.0.0"
_PACKAGES = (
    "torch",
    "torchvision",
    "torchaudio",
    "facenet-pytorch",
    "av",
    "numpy",
    "scipy",
    "Pillow",
    "pillow-heif",
    "opencv-python-headless",
    "silero-vad",
    "librosa",
    "c2pa-python",
    "safetensors",
)


def provenance(
    profile: Profile,
    parameters: Parameters,
    device: torch.device,
    seed: int,
    timings: dict[str, float],
    dtype: str = "float32",
) -> Provenance:
    """The record of this computation; ``timings`` in seconds by step."""
    return Provenance(
        tool_version=TOOL_VERSION,
        git_commit=git_commit(),
        profile=profile.name,
        profile_sha256=profile.sha256,
        parameters=parameters.to_dict(),
        packages=package_versions(),
        python=platform.python_version(),
        platform=platform.platform(),
        device=device_name(device),
        dtype=dtype,
        seed=seed,
        deterministic=device.type == "cpu",
        timings_s={key: round(value, 4) for key, value in timings.items()},
    )


@cache
def git_commit() -> str:
    """The commit of this copy: DFD_GIT_COMMIT, else git's answer, else ""."""
    if commit := os.environ.get("DFD_GIT_COMMIT"):
        return commit
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()


@cache
def package_versions() -> dict[str, str]:
    """Installed versions of what touches pixels, samples or scores."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def device_name(device: torch.device) -> str:
    """ "cpu", or the name of the accelerator."""
    if device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(device)}"
    return str(device)
