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

    @classmethod
    def from_dict(cls, data: dict[str, Any] | None) -> Self:
        """Validated parameters; ``ParameterError(code=key)`` says which value is wrong."""
        data = data or {}
        unknown = sorted(set(data) - set(cls.__dataclass_fields__))
        if unknown:
            raise ParameterError(
                unknown[0],
                f"Unknown parameter '{unknown[0]}'. Known: {', '.join(cls.__dataclass_fields__)}.",
            )
        strategy = data.get("fusion_strategy")
        if strategy is not None and strategy not in STRATEGIES:
            raise ParameterError(
                "fusion_strategy", f"fusion_strategy must be one of {', '.join(STRATEGIES)}."
            )
        return cls(
            fusion_strategy=strategy,
            threshold=_number(data, "threshold", 0.3, 0.7),
            audio_temperature=_number(data, "audio_temperature", 1.0, 10.0),
            frame_step=_whole(data, "frame_step", 1, 15),
            max_frames=_whole(data, "max_frames", 8, 500),
            prior=_number(data, "prior", 0.001, 0.999),
        )

    def to_dict(self) -> dict[str, Any]:
        """Only what was set; the inverse of ``from_dict``."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def _number(data: dict[str, Any], key: str, low: float, high: float) -> float | None:
    value = data.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ParameterError(key, f"{key} must be a number from {low:g} to {high:g}.")
    return float(value)


def _whole(data: dict[str, Any], key: str, low: int, high: int) -> int | None:
    value = data.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ParameterError(key, f"{key} must be a whole number from {low} to {high}.")
    return value
