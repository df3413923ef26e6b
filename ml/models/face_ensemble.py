"""Three networks on a face: EfficientNet-B3 (Tan 2019), DenseNet121 (Huang 2017), a 3-D CNN."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.models import densenet121, efficientnet_b3

from ml.models.attention_cnn3d import AttentionCnn3d

MEMBERS = ("efficientnet_b3", "densenet121", "attention_cnn3d")


class FaceEnsemble(nn.Module):
    """The members' logits (> 0 is FAKE) count alike. The two picture networks end in global
    average and a linear layer, so that their maps are exact accounts of their logits."""

    def __init__(self) -> None:
        super().__init__()
        self.efficientnet = efficientnet_b3(weights=None, num_classes=1)
        self.densenet = densenet121(weights=None, num_classes=1)
        self.motion = AttentionCnn3d()

    def picture_maps(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Faces (B, 3, S, S) with ImageNet normalisation -> one map (B, S/32, S/32) for each of
        EfficientNet-B3 and DenseNet121; a map's mean is its network's logit."""
        return (
            _linear_map(self.efficientnet.features(faces), self.efficientnet.classifier[-1]),
            _linear_map(torch.relu(self.densenet.features(faces)), self.densenet.classifier),
        )

    def motion_logit(self, frames: Tensor) -> Tensor:
        """Frames of one face (B, T, 3, S, S), T at least 8 -> (B,)."""
        logits: Tensor = self.motion(frames.transpose(1, 2))
        return logits

    def forward(self, frames: Tensor) -> Tensor:
        """(B, T, 3, S, S), T at least 8 -> mean of the three logits (B,)."""
        batch, steps = frames.shape[:2]
        pictures = [
            maps.mean(dim=(1, 2)).view(batch, steps).mean(dim=1)
            for maps in self.picture_maps(frames.flatten(0, 1))
        ]
        return torch.stack([*pictures, self.motion_logit(frames)]).mean(dim=0)


def _linear_map(features: Tensor, classifier: nn.Module) -> Tensor:
    """Maps (B, C, h, w) before the average and a one-output linear layer -> (B, h, w)."""
    assert isinstance(classifier, nn.Linear)
    return torch.einsum("bchw,c->bhw", features, classifier.weight[0]) + classifier.bias
