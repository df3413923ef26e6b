"""Decode a still image with Pillow: upright, RGB, 8 bits."""

from __future__ import annotations

import warnings
from typing import BinaryIO

import numpy as np
import pillow_heif
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from ml.errors import MediaCode, MediaError
from ml.media.decoded import Decoded
from ml.media.plan import Limits
from ml.media.png import check_sums
from ml.result import ImageFacts, MediaFacts, MediaKind

pillow_heif.register_heif_opener()
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "HEIF", "AVIF")
MAX_TAGS = 64
MAX_TAG_LENGTH = 500
_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}
_TURNED = range(2, 9)  # EXIF orientations that ask for a turn; 0 and 9 are found and mean nothing


def is_still(head: bytes) -> bool:
    """Whether the first 32 bytes of a file are those of a still image we read."""
    return (
        head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\0", b"MM\0*"))
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or (head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS | _AVIF_BRANDS)
    )


def refuse_still(stream: BinaryIO) -> None:
    """Raises ``MediaError(unsupported)`` for a still image, where something must play."""
    stream.seek(0)
    if is_still(stream.read(32)):
        raise MediaError(
            MediaCode.UNSUPPORTED, "The file is a still picture, which does not play. Use 'detect'."
        )


def decode_still(stream: BinaryIO, limits: Limits) -> Decoded:
    """Raises ``MediaError``: too_large (pixels), truncated, corrupt, unsupported."""
    transforms: list[str] = []
    Image.MAX_IMAGE_PIXELS = None
    check_sums(stream)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(stream, formats=FORMATS)
            width, height = image.size
            if width * height > limits.pixels:
                raise MediaError(
                    MediaCode.TOO_LARGE,
                    f"The picture claims {width}x{height} pixels; at most {limits.pixels:,} "
                    "pixels are read. Send a smaller version.",
                )
            facts = ImageFacts(format=str(image.format), width=0, height=0, mode=image.mode)
            # Before the tags: a PNG loads to read them, and its damage would be taken for theirs.
            image.load()
            tags = _exif_tags(image)
            if getattr(image, "n_frames", 1) > 1:
                transforms.append(f"first of {getattr(image, 'n_frames', 1)} pictures in the file")
            if image.getexif().get(ExifTags.Base.Orientation) in _TURNED:
                transforms.append("turned upright by its EXIF orientation")
            rgb = _rgb(ImageOps.exif_transpose(image), transforms)
    except UnidentifiedImageError as error:
        raise MediaError(
            MediaCode.CORRUPT, "The file starts like a picture but its header cannot be read."
        ) from error
    except MediaError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, RuntimeError) as error:
        code = MediaCode.TRUNCATED if "truncated" in str(error) else MediaCode.CORRUPT
        raise MediaError(code, f"The picture cannot be decoded: {error}.") from error
    height, width = rgb.shape[:2]
    facts = ImageFacts(format=facts.format, width=width, height=height, mode=facts.mode)
    return Decoded(
        kind=MediaKind.IMAGE,
        facts=MediaFacts(container=facts.format, image=facts, tags=tags),
        image=rgb,
        transforms=tuple(transforms),
    )


def _rgb(image: Image.Image, transforms: list[str]) -> np.ndarray:
    transparent = image.info.get("transparency")
    if image.mode.startswith(("I", "F")):
        transforms.append(f"{image.mode} samples scaled to 8 bits")
        wide = np.asarray(image, dtype=np.float64)
        low, high = (0.0, 65535.0) if image.mode.startswith("I") else (wide.min(), wide.max())
        narrow = np.nan_to_num((wide - low) / max(high - low, 1e-9)) * 255.0
        if transparent is not None:
            transforms.append("transparency laid on white")
            narrow[wide == transparent] = 255.0
        image = Image.fromarray(np.clip(np.rint(narrow), 0, 255).astype(np.uint8))
    elif image.mode in ("RGBA", "LA", "PA") or transparent is not None:
        transforms.append("transparency laid on white")
        rgba = image.convert("RGBA")
        canvas = Image.new("RGBA", rgba.size, "white")
        image = Image.alpha_composite(canvas, rgba)
    elif image.mode != "RGB":
        transforms.append(f"{image.mode} converted to RGB")
    return np.asarray(image.convert("RGB"), dtype=np.uint8)


def _exif_tags(image: Image.Image) -> dict[str, str]:
    try:
        exif = image.getexif()
        entries = {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}
    except (OSError, ValueError, SyntaxError, KeyError, TypeError):
        return {"exif": "unreadable"}
    tags = {}
    for number, value in list(entries.items())[:MAX_TAGS]:
        name = ExifTags.TAGS.get(number, f"tag {number}")
        if name not in ("MakerNote", "UserComment", "ExifOffset"):
            tags[name] = str(value)[:MAX_TAG_LENGTH].replace("\0", "")
    return tags
