"""Mixed precision of training, where it is faster."""

from __future__ import annotations

import torch

BF16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16")


def mixed_precision(device: torch.device | str = "cpu", *, wanted: bool = True) -> torch.autocast:
    """Products and convolutions inside run in bfloat16 if the device has instructions for it.

    A processor without them emulates it, several times slower than float32.
    """
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=wanted and has_bfloat16(kind))


def has_bfloat16(kind: str) -> bool:
    """Whether a device of this kind computes in bfloat16 itself; True for what is not a CPU."""
    if kind != "cpu":
        return True
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in BF16_INSTRUCTIONS)
