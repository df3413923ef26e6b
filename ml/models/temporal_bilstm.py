"""A bidirectional LSTM (Graves and Schmidhuber 2005) over the embeddings of a face's frames."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ml.models.sequence import masked_states


class TemporalBiLSTM(nn.Module):
    """Frame embeddings (B, T, inputs) -> logit (B,), > 0 is FAKE.

    The clip is the mean over time, so each frame's share in the logit is exact: ``shares`` add
    up to the logit less the bias. 657,665 parameters for 512-dimensional embeddings, 136,449
    for Xception's three signs. Embeddings are standardised: ``centre`` off, over ``spread``.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, inputs: int = 512, hidden: int = 128, dropout: float = 0.3) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(inputs))
        self.register_buffer("spread", torch.ones(inputs))
        self.dropout = nn.Dropout(dropout)
        self.lstm = nn.LSTM(inputs, hidden, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(2 * hidden, 1)

    def shares(self, embeddings: Tensor, lengths: Tensor) -> Tensor:
        """What each step adds to the logit (B, T); padded steps add 0."""
        seen = self.dropout((embeddings - self.centre) / self.spread)
        states, real = masked_states(self.lstm, seen, lengths)
        spoken: Tensor = (states * real) @ self.fc.weight[0] / real.sum(1)
        return spoken

    def forward(self, embeddings: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, inputs), optionally with (B,) int64 lengths -> (B,)."""
        if lengths is None:
            lengths = torch.full((embeddings.shape[0],), embeddings.shape[1])
        return self.shares(embeddings, lengths).sum(1) + self.fc.bias
