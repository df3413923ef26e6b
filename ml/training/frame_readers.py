"""Frozen networks that read single face crops, each with the network over time that it feeds."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from ml.models.resnext_lstm import ResNeXtLSTM
from ml.models.statistics_xception import SIGNS, StatisticsXception, answers_of_signs
from ml.models.temporal_bilstm import TemporalBiLSTM
from ml.models.xception import load_strict
from ml.training.distillation import Student, shrunk
from ml.training.engine import ConfigError
from ml.training.image import freeze
from ml.training.image_crops import to_tensor
from ml.training.precision import mixed_precision
from ml.training.sequences import Sequences, frames_of

BATCH = 16
# Those of the registered Xception.
XCEPTION_LEVELS = (9,)
Crops = NDArray[np.uint8]
Features = NDArray[np.float32]


class FrameReader(Protocol):
    """What a frame says by itself, and how a sequence of frames is answered."""

    def embed(self, crops: Crops) -> Features:
        """Crops (T, S, S, 3) -> features (T, F)."""
        ...

    def frame_logits(self, features: Tensor) -> Tensor:
        """Features (..., F) -> the reader's own logit FAKE - REAL of each frame (...)."""
        ...

    def network(self, trained: Sequences) -> nn.Module:
        """The untrained network over time that will learn from ``trained``."""
        ...

    def clip_logits(self, model: nn.Module, features: Tensor, lengths: Tensor) -> Tensor:
        """Padded features (B, T, F) with lengths (B,) -> logits FAKE - REAL (B,) of ``model``."""
        ...


class StudentReader:
    """Pooled features of the distilled ResNeXt50, fed at ``size`` pixels; ResNeXtLSTM over them."""

    def __init__(self, backbone: Path, size: int) -> None:
        self.size = size
        self.student = Student()
        load_strict(self.student, load_file(backbone))
        self.student.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        weight, bias = self.student.head.weight.detach(), self.student.head.bias.detach()
        self.weight, self.bias = weight[1] - weight[0], bias[1] - bias[0]

    def embed(self, crops: Crops) -> Features:
        """(T, S, S, 3) -> (T, 2048)."""
        small = shrunk(crops, self.size)
        with torch.inference_mode(), mixed_precision():
            found = self.student.embed(to_tensor(list(small)))
        return found.float().numpy()

    def frame_logits(self, features: Tensor) -> Tensor:
        """What the student's classifier answers."""
        return features @ self.weight.to(features.device) + self.bias.to(features.device)

    def network(self, trained: Sequences) -> nn.Module:
        """The whole network that is shipped, its backbone frozen."""
        model = ResNeXtLSTM()
        model.backbone = self.student.backbone
        freeze(model.backbone)
        return model

    def clip_logits(self, model: nn.Module, features: Tensor, lengths: Tensor) -> Tensor:
        """ResNeXtLSTM without its backbone."""
        assert isinstance(model, ResNeXtLSTM)
        features = functional.dropout(features, 0.1, model.training)
        out = model.classify(features, lengths).float()
        return out[:, 1] - out[:, 0]


class SignsReader:
    """The three answers of Xception's heads; TemporalBiLSTM over them."""

    def __init__(self, backbone: Path, hidden: int) -> None:
        self.hidden = hidden
        self.xception = StatisticsXception(XCEPTION_LEVELS)
        load_strict(self.xception, load_file(backbone))
        self.xception.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def embed(self, crops: Crops) -> Features:
        """(T, S, S, 3) -> (T, 3)."""
        found = []
        with torch.inference_mode():
            for start in range(0, len(crops), BATCH):
                pictures = to_tensor(list(crops[start : start + BATCH]))
                stems = [self.xception.stem(view) for view in self.xception.views(pictures)]
                with mixed_precision():
                    middle, whole = (self.xception.maps(stem) for stem in stems)
                found.append(self.xception.signs(middle, whole))
        return torch.cat(found).numpy()

    def frame_logits(self, features: Tensor) -> Tensor:
        """What Xception answers."""
        return self.xception.joined(answers_of_signs(features))

    def network(self, trained: Sequences) -> nn.Module:
        """A network that sees the signs in deviations from those of the training frames."""
        model, seen = TemporalBiLSTM(SIGNS, self.hidden), frames_of(trained)
        model.centre.copy_(torch.from_numpy(seen.mean(0)))
        model.spread.copy_(torch.from_numpy(seen.std(0)))
        return model

    def clip_logits(self, model: nn.Module, features: Tensor, lengths: Tensor) -> Tensor:
        """TemporalBiLSTM as it is."""
        out: Tensor = model(features, lengths)
        return out


def reader_of(architecture: str, backbone: str, size: int, hidden: int) -> FrameReader:
    """The reader under ``architecture``, with the weights ``backbone``; ``size`` and ``hidden`` as
    in the recipe. Raises ConfigError."""
    if architecture == "resnext_lstm":
        return StudentReader(Path(backbone), size)
    if architecture == "temporal_bilstm":
        return SignsReader(Path(backbone), hidden)
    raise ConfigError(f"no network over time is called '{architecture}'")
