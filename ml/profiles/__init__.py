"""Profiles: which branches run and how they are fused. One TOML file each; no torch is needed."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


def profile_names() -> tuple[str, ...]:
    """The names of all profiles, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))
