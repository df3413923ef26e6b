"""Shipped weights agree with the trained ones and carry their hash in the registry."""

import hashlib
from pathlib import Path

import pytest
import torch
from torch import nn

from ml.training.shipping import PrecisionLost, ship, with_hash

REGISTRY = """# comment
[other]
sha256 = "aaa"

[small]
file = "small.safetensors"
sha256 = "old"
"""


def test_the_hash_is_that_of_the_file_and_other_entries_stay(tmp_path: Path) -> None:
    (tmp_path / "registry.toml").write_text(REGISTRY, encoding="utf-8")
    torch.manual_seed(0)
    digest = ship(nn.Linear(4, 2), (torch.randn(3, 4),), "small", tmp_path)
    content = (tmp_path / "small.safetensors").read_bytes()
    assert hashlib.sha256(content).hexdigest() == digest
    text = (tmp_path / "registry.toml").read_text(encoding="utf-8")
    assert f'sha256 = "{digest}"' in text
    assert 'sha256 = "aaa"' in text


def test_a_network_that_half_precision_changes_is_not_shipped(tmp_path: Path) -> None:
    (tmp_path / "registry.toml").write_text(REGISTRY, encoding="utf-8")
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 1.0 + 2**-12)
    with pytest.raises(PrecisionLost, match="small"):
        ship(model, (torch.full((1, 1), 1000.0),), "small", tmp_path)
    assert not (tmp_path / "small.safetensors").exists()


def test_an_unregistered_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no table \[absent\]"):
        with_hash(REGISTRY, "absent", "x")
