"""Where a network responded: signed class-activation maps that add up to the logit.

For a net that ends in global average pooling and a linear layer, CAM (Zhou 2016), Grad-CAM
(Selvaraju 2017) and HiResCAM (Draelos 2020) are the same map and exact; through an LSTM the
HiResCAM form, gradient times activation, is used. The target is the logit difference
FAKE - REAL, never a softmax, and the sign is kept: evidence against is shown too.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml.models.resnext_lstm import ResNeXtLSTM

SUPPORTS_FAKE = np.array([214, 40, 40], dtype=np.float32)
SUPPORTS_REAL = np.array([33, 102, 172], dtype=np.float32)
CAPTION = (
    "Where the model responded: red towards FAKE, blue towards REAL. "
    "It does not show what was altered."
)


def linear_cam(features: Tensor, weight: Tensor) -> Tensor:
    """Maps (B, C, h, w) before average pooling and classifier weight (2, C) -> (B, h, w).

    The mean over positions plus the bias difference is the logit FAKE - REAL.
    """
    return torch.einsum("bchw,c->bhw", features, weight[1] - weight[0])


def recurrent_cam(
    model: ResNeXtLSTM, maps: Tensor, lengths: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Attribute a clip's logit to places and frames.

    ``maps`` (1, T, C, h, w) are layer4 outputs. Returns the logit (scalar), the HiResCAM of each
    frame (T, h, w), and each frame's share (T,): gradient times feature, the sum of its map.
    cuDNN cannot differentiate an LSTM in eval mode and is switched off for the backward pass.
    """
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        # A clone: tensors made under inference mode cannot take part in a backward pass.
        leaf = maps.clone().detach().float().requires_grad_(True)
        logits = model.classify(leaf.mean(dim=(3, 4)), lengths)
        logit = logits[0, 1] - logits[0, 0]
        (gradient,) = torch.autograd.grad(logit, leaf)
    cam = (gradient * leaf.detach()).sum(dim=2)[0]
    return logit.detach(), cam, cam.sum(dim=(1, 2))


def heat_layer(cam: NDArray[np.float32], size: int, scale: float) -> NDArray[np.uint8]:
    """``cam`` (h, w), signed, as a layer (size, size, 4) RGBA to lay over its crop: transparent
    where nothing responded, strongest at ``scale``.

    Maps of one analysis share ``scale`` so that their colours compare. Raises ValueError for a
    scale that is not positive.
    """
    if not scale > 0:
        raise ValueError(f"the colour scale must be positive, not {scale}")
    grown = cv2.resize(cam.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    strength = np.clip(grown / scale, -1.0, 1.0)
    colour = np.where(strength[..., None] > 0, SUPPORTS_FAKE, SUPPORTS_REAL)
    return np.dstack([colour, 255 * np.abs(strength)]).astype(np.uint8)
