"""A convolutional autoencoder (Masci 2011) of real faces: what it cannot redraw is unusual."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

SIZE = 96


class FaceAutoencoder(nn.Module):
    """RGB in [-1, 1] (B, 3, S, S), S a multiple of 16 -> the same shape, redrawn through
    ``latent`` numbers for each of S/16 x S/16 places."""

    def __init__(self, width: int = 24, latent: int = 32) -> None:
        super().__init__()
        widths = [3, width, 2 * width, 3 * width, 4 * width]
        down: list[nn.Module] = []
        for before, after in pairwise(widths):
            down += [nn.Conv2d(before, after, 4, 2, 1), nn.BatchNorm2d(after), nn.LeakyReLU(0.1)]
        self.encoder = nn.Sequential(*down, nn.Conv2d(widths[-1], latent, 1))
        up: list[nn.Module] = [nn.Conv2d(latent, widths[-1], 1)]
        for before, after in pairwise(widths[:0:-1]):
            up += [
                nn.ConvTranspose2d(before, after, 4, 2, 1),
                nn.BatchNorm2d(after),
                nn.LeakyReLU(0.1),
            ]
        self.decoder = nn.Sequential(*up, nn.ConvTranspose2d(width, 3, 4, 2, 1), nn.Tanh())

    def forward(self, faces: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, 3, S, S) in [-1, 1]."""
        redrawn: Tensor = self.decoder(self.encoder(faces))
        return redrawn

    def error_map(self, faces: Tensor) -> Tensor:
        """(B, 3, S, S) -> mean absolute difference over the channels (B, S, S)."""
        errors: Tensor = (self(faces) - faces).abs().mean(dim=1)
        return errors
