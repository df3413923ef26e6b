"""Profiles: which branches run and how they are fused. One TOML file each; no torch is needed."""

from __future__ import annotations

import tomllib
from pathlib import Path

FOLDER = Path(__file__).parent


def profile_names() -> tuple[str, ...]:
    """The names of all profiles, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def profile_branches(name: str) -> tuple[str, ...]:
    """The branches of a packaged profile, in their order. Raises FileNotFoundError."""
    table = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    return tuple(table["branches"])
