"""The AASIST network: structure and behaviour that the published checkpoints rely on."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from ml.models.aasist import (
    AASIST,
    AASIST_BASE,
    AASIST_LIGHT,
    WINDOW_SAMPLES,
    AASISTConfig,
    GraphPool,
    sinc_filters,
)

REFERENCE = Path(os.environ.get("DFD_REFERENCE_DIR", Path(__file__).parents[3] / "shared"))


@pytest.mark.parametrize(("config", "parameters"), [(AASIST_BASE, 297_866), (AASIST_LIGHT, 85_306)])
def test_sizes_of_the_published_networks(config: AASISTConfig, parameters: int) -> None:
    model = AASIST(config)
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert len(model.state_dict()) == 229


def test_stages_have_the_documented_shapes() -> None:
    torch.manual_seed(0)
    model = AASIST().eval()
    wave = torch.randn(1, WINDOW_SAMPLES) * 0.1
    with torch.inference_mode():
        bands = model.front_end(wave)
        assert bands.shape == (1, 1, 23, 21_490)
        assert model.encode(bands).shape == (1, 64, 23, 29)
        assert model.embed(wave).shape == (1, 160)
        first, second = model(wave), model(wave)
    assert first.shape == (1, 2)
    assert torch.equal(first, second)


def test_sinc_bank_passes_its_own_band() -> None:
    bank = sinc_filters()
    assert bank.shape == (70, 1, 129)
    response = torch.fft.rfft(bank[:, 0], 4096).abs()
    peaks = response.argmax(1).float() * 16_000 / 4096
    edges = 700 * (10 ** (torch.linspace(0, 2840.023, 71) / 2595) - 1)
    centres = (edges[1:] + edges[:-1]) / 2
    wide = edges[1:] - edges[:-1] > 150
    assert torch.all((peaks - centres).abs()[wide] < (edges[1:] - edges[:-1])[wide])


def test_first_normalisation_of_a_block_is_present_but_unused() -> None:
    torch.manual_seed(0)
    model = AASIST().eval()
    wave = torch.randn(1, 16_000)
    with torch.inference_mode():
        before = model(wave)
        model.get_parameter("encoder.1.0.bn1.weight").fill_(9.0)
        assert torch.equal(before, model(wave))
        model.get_parameter("encoder.1.0.bn2.weight").fill_(9.0)
        assert not torch.equal(before, model(wave))


def test_graph_pool_keeps_the_best_nodes_scaled_by_their_score() -> None:
    pool = GraphPool(0.5, 2).eval()
    with torch.no_grad():
        pool.proj.weight.copy_(torch.tensor([[1.0, 0.0]]))
        pool.proj.bias.zero_()
    nodes = torch.tensor([[[-2.0, 1.0], [3.0, 1.0], [0.0, 1.0], [1.0, 1.0], [-1.0, 1.0]]])
    with torch.inference_mode():
        kept = pool(nodes)
    assert kept.shape == (1, 2, 2)
    assert torch.allclose(kept[0, :, 1], torch.sigmoid(torch.tensor([3.0, 1.0])))


def test_a_single_node_survives_the_smallest_pool() -> None:
    assert GraphPool(0.1, 4).eval()(torch.randn(2, 3, 4)).shape == (2, 1, 4)


@pytest.mark.skipif(
    not (REFERENCE / "weights" / "aasist_parity.json").exists(),
    reason="the published checkpoints are not here (DFD_REFERENCE_DIR)",
)
@pytest.mark.parametrize("name", ["AASIST.pth", "AASIST-L.pth", "AASIST_asvspoof5.pth"])
def test_published_checkpoints_give_the_recorded_logits(name: str) -> None:
    recorded = json.loads((REFERENCE / "weights" / "aasist_parity.json").read_text())
    n = np.arange(WINDOW_SAMPLES) / 16_000
    noise = np.random.default_rng(0).standard_normal(WINDOW_SAMPLES)
    waves = {
        "tone_440hz": 0.5 * np.sin(2 * np.pi * 440 * n),
        "chirp_50_to_7000hz": 0.5 * np.sin(2 * np.pi * (50 * n + 6950 / (2 * 4.0375) * n**2)),
        "am_noise_seed0": 0.2 * noise * (0.5 + 0.5 * np.sin(2 * np.pi * 3 * n)),
    }
    model = AASIST(AASIST_LIGHT if "-L" in name else AASIST_BASE)
    state = torch.load(REFERENCE / "weights" / name, map_location="cpu", weights_only=True)
    model.load_state_dict(state, strict=True)
    with torch.inference_mode():
        logits = model.eval()(torch.from_numpy(np.stack([*waves.values()]).astype(np.float32)))
    expected = torch.tensor([recorded["logits_[spoof,bonafide]"][name][key] for key in waves])
    assert torch.allclose(logits, expected, atol=1e-3)
