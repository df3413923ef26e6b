"""The science room: media -> branches -> fusion -> result, usable without the site.

May import: nothing of Django and none of the apps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ml.detector import DeepfakeDetector

__all__ = ["DeepfakeDetector"]


def __getattr__(name: str) -> Any:
    """``from ml import DeepfakeDetector`` loads torch only when it is asked for."""
    if name == "DeepfakeDetector":
        from ml.detector import DeepfakeDetector

        return DeepfakeDetector
    raise AttributeError(f"module 'ml' has no attribute {name!r}")
