"""What a caller may set for one analysis. None leaves the profile's own value."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from ml.errors import ParameterError

STRATEGIES = (
    "logistic",
    "weighted_average",
    "majority",
    "equal",
    "video_trust",
    "adaptive",
)

NUMBERS = {"threshold": (0.3, 0.7), "audio_temperature": (1.0, 10.0), "prior": (0.001, 0.999)}
WHOLE_NUMBERS = {"frame_step": (1, 15), "max_frames": (8, 500)}


@dataclass(frozen=True)
class Parameters:
    """``threshold``: posterior probability above which the verdict is FAKE (0.3 to 0.7).
    ``audio_temperature``: divides audio log-likelihood ratios (1 to 10). ``frame_step``: take
    every k-th frame (1 to 15) in profiles that sample by step. ``max_frames``: most frames
    analysed (8 to 500). ``prior``: prior probability of FAKE (0.001 to 0.999)."""

    fusion_strategy: str | None = None
    threshold: float | None = None
    audio_temperature: float | None = None
    frame_step: int | None = None
    max_frames: int | None = None
    prior: float | None = None

    def __post_init__(self) -> None:
        """Raises ``ParameterError(code=key)`` for the first value that is wrong."""
        if self.fusion_strategy is not None and self.fusion_strategy not in STRATEGIES:
            raise ParameterError(
                "fusion_strategy", f"fusion_strategy must be one of {', '.join(STRATEGIES)}."
            )
        for key, (low, high) in NUMBERS.items():
            value = getattr(self, key)
            _check(key, value, int | float, "a number", low, high)
            object.__setattr__(self, key, None if value is None else float(value))
        for key, (low, high) in WHOLE_NUMBERS.items():
            _check(key, getattr(self, key), int, "a whole number", low, high)

    @classmethod
    def from_dict(cls, data: dict[str, Any] | None) -> Self:
        """Validated parameters; ``ParameterError(code=key)`` says which key or value is wrong."""
        data = data or {}
        unknown = sorted(set(data) - set(cls.__dataclass_fields__))
        if unknown:
            raise ParameterError(
                unknown[0],
                f"Unknown parameter '{unknown[0]}'. Known: {', '.join(cls.__dataclass_fields__)}.",
            )
        return cls(**data)

    def to_dict(self) -> dict[str, Any]:
        """Only what was set; the inverse of ``from_dict``."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def _check(key: str, value: Any, kind: Any, words: str, low: float, high: float) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, kind) or not low <= value <= high:
        raise ParameterError(key, f"{key} must be {words} from {low:g} to {high:g}.")
