"""Everything an analysis can say, as frozen dataclasses with an exact JSON round trip.

Sign convention, everywhere: a positive logit or log-likelihood ratio supports the proposition
that the recording is a manipulation (FAKE); a negative one supports that it is not (REAL).
Log-likelihood ratios (``llr``) are natural logarithms unless the name says ``log10``.
Times are seconds of presentation time; boxes are pixels of the upright (rotated) picture.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

SCHEMA = "dfd.result.v1"


class MediaKind(StrEnum):
    """What a file is, decided by its content."""

    AUDIO = "audio"
    IMAGE = "image"
    VIDEO = "video"


class Verdict(StrEnum):
    """The three-way outcome of a decision."""

    REAL = "REAL"
    FAKE = "FAKE"
    INCONCLUSIVE = "INCONCLUSIVE"


class BranchStatus(StrEnum):
    """What became of one branch. Only ``SCORED`` carries a number; ``REPORTED`` has facts."""

    SCORED = "scored"
    REPORTED = "reported"
    NOT_APPLICABLE = "not_applicable"
    OUT_OF_DOMAIN = "out_of_domain"
    NO_WEIGHTS = "no_weights"
    FAILED = "failed"


@dataclass(frozen=True)
class InputFacts:
    """The file as it was read, before any decoding."""

    name: str
    size: int
    sha256: str
    sha512: str
    kind: MediaKind


@dataclass(frozen=True)
class VideoFacts:
    codec: str
    width: int
    height: int
    rotation: int
    fps: float | None
    frames: int | None
    duration_s: float | None
    variable_frame_rate: bool
    pixel_format: str


@dataclass(frozen=True)
class AudioFacts:
    codec: str
    sample_rate: int
    channels: int
    duration_s: float | None


@dataclass(frozen=True)
class ImageFacts:
    format: str
    width: int
    height: int
    mode: str


@dataclass(frozen=True)
class MediaFacts:
    """What the decoder found; ``tags`` are container or EXIF entries as text."""

    container: str
    duration_s: float | None = None
    video: VideoFacts | None = None
    audio: AudioFacts | None = None
    image: ImageFacts | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class QualityGate:
    """One measured property and whether it lies inside the validated domain.

    ``blocks`` names the branches that a failed gate makes not applicable.
    """

    name: str
    value: float | None
    unit: str
    limit: str
    passed: bool
    message: str
    blocks: tuple[str, ...] = ()


@dataclass(frozen=True)
class FaceFacts:
    """One face in one frame (``t`` and ``frame`` are 0 for a still image)."""

    track: int
    frame: int
    t: float
    box: tuple[float, float, float, float]
    confidence: float
    size_px: float
    blur: float
    yaw: float | None
    logit: float | None = None


@dataclass(frozen=True)
class ScoredItem:
    """One window or frame a branch scored: ``start`` .. ``end`` seconds, raw logit; ``llr`` is what
    the recording's calibrator makes of it (natural logarithm, unbounded), None without one."""

    start: float
    end: float
    logit: float
    label: str = ""
    llr: float | None = None


@dataclass(frozen=True)
class Curve:
    """A named series for a plot: shared x, one y; units in words."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    x_unit: str
    y_unit: str


@dataclass(frozen=True)
class BranchResult:
    """What one branch found. ``llr`` is calibrated and bounded to ``llr_bounds``."""

    name: str
    version: str
    title: str
    modality: MediaKind
    status: BranchStatus
    reason: str = ""
    logit: float | None = None
    llr: float | None = None
    llr_bounds: tuple[float, float] | None = None
    llr_interval: tuple[float, float] | None = None
    bound_reached: bool = False
    weights: str = ""
    weights_sha256: str = ""
    calibrator_sha256: str = ""
    items: tuple[ScoredItem, ...] = ()
    curves: tuple[Curve, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Contribution:
    """One branch's share of the fused log-odds; the shares and the bias add to the total."""

    branch: str
    llr: float
    weight: float
    value: float


@dataclass(frozen=True)
class Decision:
    """The fused finding. ``llr = bias + sum(contribution.value)`` before bounding.

    ``probability`` is the posterior of FAKE under ``prior`` (stated, never estimated).
    """

    verdict: Verdict
    llr: float | None
    log10_lr: float | None
    log10_lr_interval: tuple[float, float] | None
    log10_lr_bounds: tuple[float, float] | None
    bound_reached: bool
    probability: float | None
    prior: float
    threshold: float
    strategy: str
    bias: float
    contributions: tuple[Contribution, ...]
    propositions: tuple[str, str]
    verbal: str
    verbal_table: str
    reason: str
    recommendation: str
    fusion_sha256: str = ""


@dataclass(frozen=True)
class Segment:
    """A stretch of the recording in which a branch responded above its threshold."""

    branch: str
    start: float
    end: float
    peak_logit: float
    sentence: str


@dataclass(frozen=True)
class ArtefactFacts:
    """A derived file: what it was made from, by whom, where in the recording, its own hash."""

    name: str
    kind: str
    mime_type: str
    sha256: str
    size: int
    parent_sha256: str
    producer: str
    t: float | None = None
    track: int | None = None
    width: int | None = None
    height: int | None = None
    caption: str = ""


@dataclass(frozen=True)
class DerivedArtefact:
    """An artefact with its bytes, handed over beside the result and never inside its JSON."""

    facts: ArtefactFacts
    content: bytes


@dataclass(frozen=True)
class Provenance:
    """Who computed it, with what: enough to run it again."""

    tool_version: str
    git_commit: str
    profile: str
    profile_sha256: str
    parameters: dict[str, Any]
    packages: dict[str, str]
    python: str
    platform: str
    device: str
    dtype: str
    seed: int
    deterministic: bool
    timings_s: dict[str, float]


@dataclass(frozen=True)
class AnalysisResult:
    """The whole finding of one analysis of one file."""

    input: InputFacts
    media: MediaFacts
    quality: tuple[QualityGate, ...]
    faces: tuple[FaceFacts, ...]
    branches: tuple[BranchResult, ...]
    decision: Decision
    segments: tuple[Segment, ...]
    sentences: tuple[str, ...]
    transforms: tuple[str, ...]
    artefacts: tuple[ArtefactFacts, ...]
    provenance: Provenance
    schema: str = SCHEMA

    def branch(self, name: str) -> BranchResult:
        """The result of the branch called ``name``; KeyError when the profile did not run it."""
        for result in self.branches:
            if result.name == name:
                return result
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types only."""
        return typing.cast(dict[str, Any], to_plain(self))

    def to_json(self) -> str:
        """JSON text; floats are written with full precision, NaN is refused (ValueError)."""
        return json_text(self.to_dict())

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Inverse of ``to_dict``; ValueError when the schema is not ``dfd.result.v1``."""
        if data.get("schema") != SCHEMA:
            raise ValueError(f"result schema is {data.get('schema')!r}, expected {SCHEMA!r}")
        return typing.cast(Self, from_plain(cls, data))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of ``to_json``."""
        return cls.from_dict(json.loads(text))


@dataclass(frozen=True)
class AnalysisOutcome:
    """What ``DeepfakeDetector.analyze`` returns: the record and the derived files it lists."""

    result: AnalysisResult
    artefacts: tuple[DerivedArtefact, ...]


def json_text(data: dict[str, Any]) -> str:
    """The text that is hashed. Take it of a stored result as it was stored: read into
    ``AnalysisResult`` and written again, an earlier one gains the fields that came since."""
    return json.dumps(data, allow_nan=False, sort_keys=True)


def to_plain(value: Any) -> Any:
    """Dataclasses, enums and tuples as JSON types."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    return value


def from_plain(annotation: Any, value: Any) -> Any:
    """Rebuild ``value`` (JSON types) as ``annotation`` (dataclass, enum, tuple, union, plain)."""
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        return from_plain(next(a for a in arguments if a is not type(None)), value)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(from_plain(arguments[0], item) for item in value)
        return tuple(from_plain(kind, item) for kind, item in zip(arguments, value, strict=True))
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        hints = typing.get_type_hints(annotation)
        return annotation(**{key: from_plain(hints[key], item) for key, item in value.items()})
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return annotation(value)
    return value
