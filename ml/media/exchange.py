"""How the decoding child hands a ``Decoded`` to its parent: one shared-memory file.

Layout: 16 bytes (offset and length of the JSON), the arrays, the JSON. The parent trusts
nothing in it: types, shapes and offsets are checked against the file before an array is made.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.errors import MediaCode, MediaError
from ml.media.decoded import Decoded
from ml.media.prepared import Frame
from ml.result import MediaFacts, MediaKind, from_plain, to_plain

_HEADER = struct.Struct("<QQ")
_ALIGN = 64
_TYPES: dict[str, np.dtype[Any]] = {
    "uint8": np.dtype(np.uint8),
    "float32": np.dtype(np.float32),
}
_MAX_JSON = 16 << 20


def write_decoded(descriptor: int, decoded: Decoded) -> None:
    """Child side: arrays first, then the JSON that describes them."""
    offset = _ALIGN

    def put(array: NDArray[Any]) -> dict[str, Any]:
        nonlocal offset
        contiguous = np.ascontiguousarray(array)
        _write_all(descriptor, contiguous.data.cast("B") if contiguous.size else b"", offset)
        described = {"type": str(array.dtype), "shape": list(array.shape), "offset": offset}
        offset = -(-(offset + contiguous.nbytes) // _ALIGN) * _ALIGN
        return described

    def put_frames(frames: tuple[Frame, ...]) -> list[dict[str, Any]]:
        return [{"index": f.index, "t": f.t, "rgb": put(f.rgb)} for f in frames]

    answer = {
        "kind": str(decoded.kind),
        "facts": to_plain(decoded.facts),
        "image": None if decoded.image is None else put(decoded.image),
        "frames": put_frames(decoded.frames),
        "dense": put_frames(decoded.dense),
        "waveform": None if decoded.waveform is None else put(decoded.waveform),
        "audio_start": decoded.audio_start,
        "transforms": list(decoded.transforms),
        "credentials": decoded.credentials,
    }
    _finish(descriptor, answer, offset)


def write_error(descriptor: int, error: MediaError) -> None:
    """Child side: a refusal with its code and words."""
    _finish(descriptor, {"error": {"code": error.code, "message": error.message}}, _ALIGN)


def read_decoded(descriptor: int) -> Decoded:
    """Parent side. Raises the child's ``MediaError``, or decoder_crashed for a broken answer."""
    size = os.fstat(descriptor).st_size
    if size < _ALIGN:
        raise MediaError(MediaCode.DECODER_CRASHED, "The decoder ended without an answer.")
    memory = mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)
    try:
        start, length = _HEADER.unpack_from(memory)
        if length > _MAX_JSON or start + length > size:
            raise ValueError("the description lies outside the answer")
        answer = json.loads(bytes(memory[start : start + length]))
        if "error" in answer:
            memory.close()
            code = MediaCode(answer["error"]["code"])
            raise MediaError(code, str(answer["error"]["message"])[:2000])
        return Decoded(
            kind=MediaKind(answer["kind"]),
            facts=from_plain(MediaFacts, answer["facts"]),
            image=_array(memory, answer["image"], np.uint8, 3),
            frames=_frames(memory, answer["frames"]),
            dense=_frames(memory, answer["dense"]),
            waveform=_array(memory, answer["waveform"], np.float32, 1),
            audio_start=float(answer["audio_start"]),
            transforms=tuple(str(line) for line in answer["transforms"]),
            credentials=dict(answer["credentials"]),
        )
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise MediaError(
            MediaCode.DECODER_CRASHED, f"The decoder's answer cannot be read: {error}."
        ) from error


def _frames(memory: mmap.mmap, described: list[dict[str, Any]]) -> tuple[Frame, ...]:
    frames = []
    for item in described:
        rgb = _array(memory, item["rgb"], np.uint8, 3)
        assert rgb is not None
        frames.append(Frame(index=int(item["index"]), t=float(item["t"]), rgb=rgb))
    return tuple(frames)


def _array(
    memory: mmap.mmap, described: dict[str, Any] | None, expected: type, dimensions: int
) -> Any:
    """A read-only view into the shared memory (no copy)."""
    if described is None:
        return None
    dtype = _TYPES[described["type"]]
    shape = [int(length) for length in described["shape"]]
    count = int(np.prod(shape, dtype=np.int64))
    offset = int(described["offset"])
    outside = offset < _ALIGN or offset + count * dtype.itemsize > len(memory)
    if dtype != expected or len(shape) != dimensions or min(shape) < 0 or outside:
        raise ValueError("an array lies outside the answer or has another type")
    return np.frombuffer(memory, dtype=dtype, count=count, offset=offset).reshape(shape)


def _finish(descriptor: int, answer: dict[str, Any], offset: int) -> None:
    text = json.dumps(answer).encode()
    _write_all(descriptor, text, offset)
    _write_all(descriptor, _HEADER.pack(offset, len(text)).ljust(_ALIGN, b"\0"), 0)


def _write_all(descriptor: int, data: Any, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
