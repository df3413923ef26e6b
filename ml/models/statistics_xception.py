"""Xception whose answer is read from statistics of its middle flow.

What a forgery leaves is texture, and the middle blocks hold texture; the last ones hold what the
picture shows. Mean and deviation of each channel, and how the centre of the picture differs from
all of it, carry over to sources never trained on where the exit flow does not.

The network looks twice: at the middle of the crop as large as it is, and at all of it, smaller.
Signs of blending are fine, so their head answers to both views; the look of a synthesised face is
coarse, so its head sees the second alone.

A face that was synthesised whole looks less blended than a photograph. So what speaks for blending
speaks against synthesis, by the share ``contrast``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.models.xception import Xception

CHANNELS = 728
PARTS = 3
CENTRE = 0.55
MIDDLE = 16 / 19
WHOLE = 3 / 4
BLENDING, SYNTHESIS = 0, 1
# What is told of one crop: signs of blending in either view, and of synthesis.
SIGNS = 3


class StatisticsXception(Xception):
    """RGB in [-1, 1], (B, 3, S, S) -> logits (B, 2), class 1 FAKE.

    ``levels`` are middle blocks (4 to 11). Two linear heads read the statistics: signs of blending
    and signs of synthesis (rows ``BLENDING`` and ``SYNTHESIS``). Either is enough, so the logit is
    log(exp(blended) + exp(synthesised - contrast * blended)); the scalar ``contrast`` is kept with
    the weights. The blocks behind the levels have no part in the answer.
    """

    contrast: Tensor

    def __init__(self, levels: Sequence[int], num_classes: int = 2, bn_eps: float = 1e-3) -> None:
        super().__init__(num_classes, bn_eps)
        self.levels = tuple(levels)
        self.heads = nn.Linear(PARTS * CHANNELS * len(self.levels), 2)
        self.register_buffer("contrast", torch.tensor(0.0))

    def views(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Crops (B, 3, S, S) -> what is looked at: the middle ``MIDDLE`` of the side, and all of
        it at ``WHOLE`` of the side."""
        side = x.shape[-1]
        middle = round(MIDDLE * side)
        edge = (side - middle) // 2
        inside = x[..., edge : edge + middle, edge : edge + middle]
        smaller = functional.interpolate(
            x, scale_factor=WHOLE, mode="bilinear", align_corners=False, antialias=True
        )
        return (
            inside.contiguous(memory_format=torch.channels_last),
            smaller.contiguous(memory_format=torch.channels_last),
        )

    def maps(self, x: Tensor) -> Tensor:
        """Entry flow output -> outputs of the levels (B, L, 728, S/16, S/16) float32."""
        kept = []
        for number in range(4, max(self.levels) + 1):
            x = self.get_submodule(f"block{number}")(x)
            if number in self.levels:
                kept.append(x.float())
        return torch.stack(kept, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, 2); REAL is 0, so that the difference is the logit."""
        logit = self.joined(answers_of_signs(self.embedding(x)))
        return torch.stack([torch.zeros_like(logit), logit], 1)

    def hypotheses(self, answers: Tensor) -> Tensor:
        """Answers of the heads (..., 2) -> what speaks for a blended and what for a synthesised
        face (..., 2)."""
        blended, synthesised = answers.unbind(-1)
        return torch.stack([blended, synthesised - self.contrast * blended], -1)

    def joined(self, answers: Tensor) -> Tensor:
        """Answers of the heads (..., 2) -> logit FAKE - REAL (...)."""
        return torch.logsumexp(self.hypotheses(answers), -1)

    def answers(self, middle: Tensor, whole: Tensor) -> Tensor:
        """Outputs of the levels for both views -> answers of the heads (B, 2); that of the
        blending head is the mean of its answers to both."""
        return answers_of_signs(self.signs(middle, whole))

    def signs(self, middle: Tensor, whole: Tensor) -> Tensor:
        """Outputs of the levels for both views -> (B, 3): what the blending head answers to the
        middle and to the whole, and the synthesis head to the whole."""
        near, all_of_it = self.heads(statistics(middle)), self.heads(statistics(whole))
        return torch.cat([near[:, BLENDING, None], all_of_it], 1)

    def embedding(self, x: Tensor) -> Tensor:
        """(B, 3, S, S) -> the signs (B, 3)."""
        middle, whole = (self.maps(self.stem(view)) for view in self.views(x))
        return self.signs(middle, whole)

    def explain(self, middle: Tensor, whole: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs of the levels for both views -> logits FAKE - REAL (B,) and signed maps of the
        crop (B, h, w).

        Every statistic is a mean over places, so a head's answer is the mean of a map plus its
        bias; the maps of the heads are mixed as the logit changes with their answers.
        """
        answers = self.answers(middle, whole)
        shares = torch.softmax(self.hypotheses(answers), 1)
        synthesis = shares[:, SYNTHESIS]
        blending = shares[:, BLENDING] - self.contrast * synthesis
        weights = self.heads.weight.view(2, len(self.levels), PARTS, CHANNELS)
        blended = blending[:, None, None, None] * weights[BLENDING] / 2
        synthesised = synthesis[:, None, None, None] * weights[SYNTHESIS]
        maps = statistic_map(middle, blended), statistic_map(whole, blended + synthesised)
        return self.joined(answers), laid_together(*maps)


def answers_of_signs(signs: Tensor) -> Tensor:
    """Signs (..., 3) -> answers of the heads (..., 2)."""
    return torch.stack([signs[..., :2].mean(-1), signs[..., 2]], -1)


def statistics(maps: Tensor) -> Tensor:
    """(B, L, C, h, w) -> (B, L * 3 * C): mean, deviation, centre against the whole."""
    spread = maps.std(dim=(3, 4))
    centre = (maps * centre_weights(maps)).sum(dim=(3, 4))
    return torch.stack([maps.mean(dim=(3, 4)), spread, centre], 2).flatten(1)


def statistic_map(maps: Tensor, weights: Tensor) -> Tensor:
    """Maps (B, L, C, h, w) and weights of their statistics (B, L, 3, C) -> (B, h, w) whose mean
    is the weighted sum of the statistics."""
    places = maps.shape[3] * maps.shape[4]
    mean = maps.mean(dim=(3, 4), keepdim=True)
    spread = maps.std(dim=(3, 4), keepdim=True).clamp_min(1e-6)
    # The squared differences add up to (places - 1) variances; over the deviation, to it.
    deviation = (maps - mean).square() / spread * (places / (places - 1))
    parts = (maps, deviation, maps * centre_weights(maps) * places)
    return sum(
        (torch.einsum("blchw,blc->bhw", part, weights[:, :, k]) for k, part in enumerate(parts)),
        start=torch.zeros_like(maps[:, 0, 0]),
    )


def laid_together(middle: Tensor, whole: Tensor) -> Tensor:
    """A map of the middle (B, m, m) and one of the whole crop (B, n, n) -> one map of the crop
    (B, h, h) whose mean is the sum of both means."""
    inside = 2 * middle.shape[-1]
    edge = round((inside / MIDDLE - inside) / 2)
    side = inside + 2 * edge
    finer = middle.repeat_interleave(2, 1).repeat_interleave(2, 2) * (side / inside) ** 2
    grown = functional.interpolate(
        whole[:, None], (side, side), mode="bilinear", align_corners=False
    )[:, 0]
    kept = grown + (whole.mean((1, 2)) - grown.mean((1, 2)))[:, None, None]
    return kept + functional.pad(finer, (edge,) * 4)


def centre_weights(maps: Tensor) -> Tensor:
    """(h, w) that sum to 0: the disc of ``CENTRE`` of half the side against the whole."""
    height, width = maps.shape[-2:]
    y = (torch.arange(height, device=maps.device) - (height - 1) / 2) / (height / 2)
    x = (torch.arange(width, device=maps.device) - (width - 1) / 2) / (width / 2)
    disc = (y[:, None].square() + x[None].square() < CENTRE**2).float()
    return disc / disc.sum() - 1 / (height * width)
