"""What to take from a file and how much of it a hostile file may cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Self

GIB = 1 << 30


@dataclass(frozen=True)
class Limits:
    """Caps of one decoding. ``frame_bytes`` bounds the decoded pixels handed over."""

    file_bytes: int = 32 * GIB
    repair_bytes: int = GIB // 2
    pixels: int = 120_000_000
    duration_s: float = 7200.0
    frames: int = 1_000_000
    streams: int = 32
    frame_bytes: int = GIB
    output_bytes: int = 2 * GIB
    address_space_bytes: int = 6 * GIB
    cpu_s: int = 900
    wall_s: float = 600.0


@dataclass(frozen=True)
class DecodePlan:
    """Which frames and sounds to hand over.

    ``sampling`` "uniform" takes ``max_frames`` frames at equal steps over the whole recording,
    "step" every ``frame_step``-th frame up to ``max_frames``. Sampled frames keep at most
    ``frame_side`` pixels on the long side. ``dense_s`` seconds in the middle come at the native
    frame rate, at most ``dense_side`` pixels, for lip motion (0 for none). ``credentials`` asks for
    the C2PA manifest, ``trust_anchors`` are PEM certificates of trusted signers.
    """

    sampling: str = "uniform"
    max_frames: int = 32
    frame_step: int = 5
    frame_side: int = 1920
    dense_s: float = 10.0
    dense_frames: int = 300
    dense_side: int = 640
    credentials: bool = False
    trust_anchors: str = ""
    limits: Limits = field(default_factory=Limits)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Inverse of ``to_dict``."""
        return cls(**{**data, "limits": Limits(**data["limits"])})
