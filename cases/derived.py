"""Files that other rooms derived from an exhibit and keep in the artefact store.

The rooms above register how to find them, so that destruction can take them along.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cases.models import Exhibit


@dataclass(frozen=True)
class DerivedFile:
    """One stored file made from an exhibit. ``shared``: other exhibits rest on it too."""

    kind: str
    sha256: str
    storage_key: str
    shared: bool


Finder = Callable[[Exhibit], list[DerivedFile]]
_finders: dict[str, Finder] = {}


def find_with(room: str, finder: Finder) -> None:
    """Let ``finder`` say what ``room`` derived from an exhibit."""
    _finders[room] = finder


def derived_files(exhibit: Exhibit) -> list[DerivedFile]:
    """Everything derived from ``exhibit``, each stored file once."""
    return [found for room in sorted(_finders) for found in _finders[room](exhibit)]
