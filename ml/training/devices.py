"""Where a network lies: what it is given goes there."""

from __future__ import annotations

import torch
from torch import nn


def device_of(model: nn.Module) -> torch.device:
    """The device of the parameters of ``model``."""
    return next(model.parameters()).device
