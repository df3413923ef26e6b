"""Derived files (thumbnails, heat maps, plots): encoding, hashing, and their card."""

from __future__ import annotations

import hashlib
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.result import ArtefactFacts, DerivedArtefact

JPEG = "image/jpeg"
PNG = "image/png"


def encode_image(rgb: NDArray[np.uint8], mime_type: str) -> bytes:
    """(H, W, 3) RGB or (H, W, 4) RGBA uint8 as JPEG (quality 90) or PNG bytes.

    Raises ValueError for another type."""
    buffer = io.BytesIO()
    if mime_type == JPEG:
        Image.fromarray(rgb).save(buffer, "JPEG", quality=90)
    elif mime_type == PNG:
        Image.fromarray(rgb).save(buffer, "PNG", optimize=False)
    else:
        raise ValueError(f"no encoder for {mime_type}")
    return buffer.getvalue()


def image_artefact(
    rgb: NDArray[np.uint8],
    *,
    name: str,
    kind: str,
    mime_type: str,
    parent_sha256: str,
    producer: str,
    t: float | None = None,
    track: int | None = None,
    caption: str = "",
) -> DerivedArtefact:
    """A picture with its card. ``kind``: thumbnail, heatmap, frame, spectrogram ...;
    ``producer``: branch or module and version; ``t``: seconds in the recording."""
    content = encode_image(rgb, mime_type)
    facts = ArtefactFacts(
        name=name,
        kind=kind,
        mime_type=mime_type,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        parent_sha256=parent_sha256,
        producer=producer,
        t=t,
        track=track,
        width=int(rgb.shape[1]),
        height=int(rgb.shape[0]),
        caption=caption,
    )
    return DerivedArtefact(facts=facts, content=content)
