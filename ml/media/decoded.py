"""What the decoder hands over, before faces, speech and gates are looked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.media.prepared import Frame
from ml.result import MediaFacts, MediaKind


@dataclass(frozen=True)
class Decoded:
    """One decoded file. ``frames`` are sampled, ``dense`` are consecutive (smaller) frames;
    ``waveform`` is float32 mono at 16 kHz, its first sample at ``audio_start`` seconds on the
    clock of the frames; ``credentials`` describe the C2PA manifest."""

    kind: MediaKind
    facts: MediaFacts
    image: NDArray[np.uint8] | None = None
    frames: tuple[Frame, ...] = ()
    dense: tuple[Frame, ...] = ()
    waveform: NDArray[np.float32] | None = None
    audio_start: float = 0.0
    transforms: tuple[str, ...] = ()
    credentials: dict[str, Any] = field(default_factory=dict)
