"""A recurrence over padded sequences that never sees the padding."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def masked_states(lstm: nn.LSTM, steps: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """States (B, T, H) of a batch-first LSTM over (B, T, C) with (B,) int64 lengths, and which
    steps are real (B, T, 1) bool."""
    packed = pack_padded_sequence(steps, lengths.cpu(), batch_first=True, enforce_sorted=False)
    states, _ = pad_packed_sequence(lstm(packed)[0], batch_first=True, total_length=steps.shape[1])
    places = torch.arange(steps.shape[1], device=steps.device)
    real = (places[None, :] < lengths.to(steps.device)[:, None]).unsqueeze(-1)
    return states, real
