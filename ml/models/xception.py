"""Xception (Chollet 2017) in the layout of the face-forensics literature (Cadene key names).

FaceForensics++ (Rössler 2019) and DeepfakeBench distribute checkpoints of this network under
several key dialects; ``normalise_keys`` turns each of them into the one used here.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

FEATURES = 2048
_WRAPPERS = ("module.", "model.", "backbone.", "net.")
_CLASSIFIERS = ("last_linear.1.", "last_linear.", "fc.1.")
_UNUSED = "adjust_channel."


class SeparableConv2d(nn.Module):
    """Depthwise 3x3 convolution followed by a pointwise 1x1 convolution, without biases."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H, W)."""
        out: Tensor = self.pointwise(self.conv1(x))
        return out


class Block(nn.Module):
    """``repeats`` separable convolutions with a (projected) residual connection."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        repeats: int,
        stride: int,
        eps: float,
        *,
        start_with_relu: bool = True,
        grow_first: bool = True,
    ) -> None:
        super().__init__()
        self.projected = outputs != inputs or stride != 1
        if self.projected:
            self.skip = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)
            self.skipbn = nn.BatchNorm2d(outputs, eps=eps)
        widths = [inputs] + ([outputs] if grow_first else [inputs]) * (repeats - 1) + [outputs]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [
                nn.ReLU(inplace=False),
                SeparableConv2d(before, after),
                nn.BatchNorm2d(after, eps=eps),
            ]
        if not start_with_relu:
            layers = layers[1:]
        if stride != 1:
            layers.append(nn.MaxPool2d(3, stride, 1))
        self.rep = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H/stride, W/stride)."""
        shortcut = self.skipbn(self.skip(x)) if self.projected else x
        out: Tensor = self.rep(x) + shortcut
        return out


class Xception(nn.Module):
    """RGB in [-1, 1], (B, 3, S, S), 299 px by default -> logits (B, num_classes).

    Class 1 is FAKE in this project's weights. ``bn_eps`` is 1e-3 for weights that descend from
    the Keras ImageNet network, 1e-5 for those trained in PyTorch from the start.
    """

    def __init__(self, num_classes: int = 2, bn_eps: float = 1e-3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, 2, 0, bias=False)
        self.bn1 = nn.BatchNorm2d(32, eps=bn_eps)
        self.conv2 = nn.Conv2d(32, 64, 3, bias=False)
        self.bn2 = nn.BatchNorm2d(64, eps=bn_eps)
        self.relu = nn.ReLU(inplace=False)
        self.block1 = Block(64, 128, 2, 2, bn_eps, start_with_relu=False)
        self.block2 = Block(128, 256, 2, 2, bn_eps)
        self.block3 = Block(256, 728, 2, 2, bn_eps)
        for number in range(4, 12):
            self.add_module(f"block{number}", Block(728, 728, 3, 1, bn_eps))
        self.block12 = Block(728, 1024, 2, 2, bn_eps, grow_first=False)
        self.conv3 = SeparableConv2d(1024, 1536)
        self.bn3 = nn.BatchNorm2d(1536, eps=bn_eps)
        self.conv4 = SeparableConv2d(1536, FEATURES)
        self.bn4 = nn.BatchNorm2d(FEATURES, eps=bn_eps)
        self.fc = nn.Linear(FEATURES, num_classes)

    def stem(self, x: Tensor) -> Tensor:
        """(B, 3, S, S) -> entry flow output (B, 728, S/16, S/16)."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        out: Tensor = self.block3(self.block2(self.block1(x)))
        return out

    def body(self, x: Tensor) -> Tensor:
        """Entry flow output -> last feature map after ReLU (B, 2048, S/32, S/32)."""
        for number in range(4, 13):
            x = self.get_submodule(f"block{number}")(x)
        x = self.relu(self.bn3(self.conv3(x)))
        out: Tensor = self.relu(self.bn4(self.conv4(x)))
        return out

    def features(self, x: Tensor) -> Tensor:
        """(B, 3, S, S) -> last feature map after ReLU (B, 2048, S/32, S/32); 299 px: 10x10."""
        return self.body(self.stem(x))

    def classify(self, features: Tensor) -> Tensor:
        """Feature map (B, 2048, h, w) -> logits (B, num_classes): global average, linear."""
        out: Tensor = self.fc(features.mean(dim=(2, 3)))
        return out

    def embedding(self, x: Tensor) -> Tensor:
        """(B, 3, S, S) -> pooled features (B, 2048)."""
        return self.features(x).mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, num_classes)."""
        return self.classify(self.features(x))


def normalise_keys(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A published Xception checkpoint's tensors under this module's names.

    Strips wrappers (``module.``, ``model.``, ``backbone.``), maps ``last_linear`` to ``fc``,
    turns two-dimensional pointwise weights into convolutions, adds absent batch counters and
    drops DeepfakeBench's unused ``adjust_channel`` layers. Nothing else is dropped: what does not
    fit must fail the strict load that follows.
    """
    named: dict[str, Tensor] = {}
    for key, tensor in state.items():
        name = _canonical(key)
        if name.startswith(_UNUSED):
            continue
        if "pointwise" in name and tensor.ndim == 2:
            tensor = tensor[:, :, None, None]
        named[name] = tensor
    for name in [key for key in named if key.endswith(".running_var")]:
        named.setdefault(name.replace("running_var", "num_batches_tracked"), torch.tensor(0))
    return named


def load_strict(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load every tensor or raise ValueError listing what is missing, unexpected or misshapen."""
    own = model.state_dict()
    missing = sorted(own.keys() - state.keys())
    unexpected = sorted(state.keys() - own.keys())
    misshapen = sorted(k for k in own.keys() & state.keys() if own[k].shape != state[k].shape)
    if missing or unexpected or misshapen:
        raise ValueError(
            f"The checkpoint does not fit {type(model).__name__}: missing {missing}, "
            f"unexpected {unexpected}, other shape {misshapen}."
        )
    model.load_state_dict({key: tensor.to(own[key].dtype) for key, tensor in state.items()})


def load_imagenet(model: Xception, state: Mapping[str, Tensor]) -> None:
    """Initialise ``model`` from an ImageNet checkpoint, keeping its fresh classifier.

    A checkpoint with or without its own classifier is accepted; every other key is strict.
    """
    own = {f"fc.{name}": tensor for name, tensor in model.fc.state_dict().items()}
    load_strict(model, {**normalise_keys(state), **own})


def _canonical(key: str) -> str:
    stripped = True
    while stripped:
        stripped = False
        for wrapper in _WRAPPERS:
            if key.startswith(wrapper):
                key, stripped = key.removeprefix(wrapper), True
    for classifier in _CLASSIFIERS:
        if key.startswith(classifier):
            return "fc." + key.removeprefix(classifier)
    return key
