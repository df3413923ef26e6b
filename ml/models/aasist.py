"""AASIST: audio anti-spoofing with integrated spectro-temporal graph attention.

Jung et al., "AASIST: Audio Anti-Spoofing using Integrated Spectro-Temporal Graph Attention
Networks", ICASSP 2022. Parameter names and shapes are those of the published checkpoints, so
they load strictly; the released networks' behaviour is reproduced, quirks included.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

SAMPLE_RATE = 16_000
WINDOW_SAMPLES = 64_600
SINC_FILTERS = 70
SINC_TAPS = 129
SPECTRAL_NODES = 23


@dataclass(frozen=True)
class AASISTConfig:
    """The sizes that differ between the released variants.

    ``channels`` are the outputs of the six residual blocks, ``graph_dims`` the widths of the
    homogeneous and heterogeneous graph layers, ``keep`` the share of nodes kept by the spectral,
    temporal and heterogeneous graph pools.
    """

    channels: tuple[int, int, int, int, int, int] = (32, 32, 64, 64, 64, 64)
    graph_dims: tuple[int, int] = (64, 32)
    keep: tuple[float, float, float] = (0.5, 0.7, 0.5)
    temperature: float = 2.0
    heterogeneous_temperature: float = 100.0


AASIST_BASE = AASISTConfig()
AASIST_LIGHT = AASISTConfig((32, 32, 24, 24, 24, 24), (24, 32), (0.4, 0.5, 0.7))


def sinc_filters() -> Tensor:
    """The fixed mel-spaced band-pass bank: float32 (70, 1, 129), Hamming-windowed sincs."""
    top = 2595 * math.log10(1 + SAMPLE_RATE / 2 / 700)
    mel = torch.linspace(0, top, SINC_FILTERS + 1, dtype=torch.float64)
    edges = 700 * (10 ** (mel / 2595) - 1)
    n = torch.arange(-(SINC_TAPS // 2), SINC_TAPS // 2 + 1, dtype=torch.float64)
    cutoff = 2 * edges[:, None] / SAMPLE_RATE
    low_pass = cutoff * torch.sinc(cutoff * n)
    window = torch.hamming_window(SINC_TAPS, periodic=False, dtype=torch.float64)
    return ((low_pass[1:] - low_pass[:-1]) * window).float().unsqueeze(1)


class ResidualBlock(nn.Module):
    """Two 2x3 convolutions around a shortcut, then a max-pool of 3 along time.

    ``bn1`` exists in the published checkpoints but its output was never used: ``conv1`` reads the
    block input. It is kept so that the checkpoints load strictly.
    """

    def __init__(self, inputs: int, outputs: int, *, first: bool) -> None:
        super().__init__()
        if not first:
            self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, (2, 3), padding=(1, 1))
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, (2, 3), padding=(0, 1))
        self.conv_downsample = (
            nn.Conv2d(inputs, outputs, (1, 3), padding=(0, 1)) if inputs != outputs else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, F, T) to (B, outputs, F, T // 3)."""
        shortcut = x if self.conv_downsample is None else self.conv_downsample(x)
        y = self.conv2(functional.selu(self.bn2(self.conv1(x))))
        pooled: Tensor = functional.max_pool2d(y + shortcut, (1, 3))
        return pooled


def _attention_weight(width: int) -> nn.Parameter:
    return nn.Parameter(nn.init.xavier_normal_(torch.empty(width, 1)))


def _normalise_nodes(norm: nn.BatchNorm1d, x: Tensor) -> Tensor:
    """Batch normalisation over all nodes of all graphs: (B, N, D) to the same shape."""
    normalised: Tensor = norm(x.flatten(0, 1))
    return normalised.view_as(x)


class GraphAttention(nn.Module):
    """Graph attention over a complete graph; an edge is the product of its two nodes."""

    def __init__(self, inputs: int, outputs: int, temperature: float) -> None:
        super().__init__()
        self.att_proj = nn.Linear(inputs, outputs)
        self.att_weight = _attention_weight(outputs)
        self.proj_with_att = nn.Linear(inputs, outputs)
        self.proj_without_att = nn.Linear(inputs, outputs)
        self.bn = nn.BatchNorm1d(outputs)
        self.input_drop = nn.Dropout(0.2)
        self.temperature = temperature

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, inputs) to (B, N, outputs)."""
        x = self.input_drop(x)
        edges = torch.tanh(self.att_proj(x.unsqueeze(2) * x.unsqueeze(1)))
        attention = ((edges @ self.att_weight) / self.temperature).softmax(dim=-2).squeeze(-1)
        out = self.proj_with_att(attention @ x) + self.proj_without_att(x)
        return functional.selu(_normalise_nodes(self.bn, out))


class HeterogeneousGraphAttention(nn.Module):
    """Attention over temporal and spectral nodes together, with a master node that reads all."""

    def __init__(self, inputs: int, outputs: int, temperature: float) -> None:
        super().__init__()
        self.proj_type1 = nn.Linear(inputs, inputs)
        self.proj_type2 = nn.Linear(inputs, inputs)
        self.att_proj = nn.Linear(inputs, outputs)
        self.att_projM = nn.Linear(inputs, outputs)
        self.att_weight11 = _attention_weight(outputs)
        self.att_weight22 = _attention_weight(outputs)
        self.att_weight12 = _attention_weight(outputs)
        self.att_weightM = _attention_weight(outputs)
        self.proj_with_att = nn.Linear(inputs, outputs)
        self.proj_without_att = nn.Linear(inputs, outputs)
        self.proj_with_attM = nn.Linear(inputs, outputs)
        self.proj_without_attM = nn.Linear(inputs, outputs)
        self.bn = nn.BatchNorm1d(outputs)
        self.input_drop = nn.Dropout(0.2)
        self.temperature = temperature

    def forward(
        self, temporal: Tensor, spectral: Tensor, master: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(B, Nt, inputs), (B, Ns, inputs), (B or 1, 1, inputs) to the same with ``outputs``."""
        split = temporal.size(1)
        x = torch.cat([self.proj_type1(temporal), self.proj_type2(spectral)], dim=1)
        x = self.input_drop(x)
        attention = self._attention(x, split)
        master = self._master(x, master)
        out = self.proj_with_att(attention @ x) + self.proj_without_att(x)
        out = functional.selu(_normalise_nodes(self.bn, out))
        return out[:, :split], out[:, split:], master

    def _attention(self, x: Tensor, split: int) -> Tensor:
        edges = torch.tanh(self.att_proj(x.unsqueeze(2) * x.unsqueeze(1)))
        top = torch.cat(
            [edges[:, :split, :split] @ self.att_weight11,
             edges[:, :split, split:] @ self.att_weight12], dim=2,
        )  # fmt: skip
        bottom = torch.cat(
            [edges[:, split:, :split] @ self.att_weight12,
             edges[:, split:, split:] @ self.att_weight22], dim=2,
        )  # fmt: skip
        scores = torch.cat([top, bottom], dim=1) / self.temperature
        return scores.softmax(dim=-2).squeeze(-1)

    def _master(self, x: Tensor, master: Tensor) -> Tensor:
        edges = torch.tanh(self.att_projM(x * master))
        attention = ((edges @ self.att_weightM) / self.temperature).softmax(dim=-2)
        gathered = attention.transpose(1, 2) @ x
        updated: Tensor = self.proj_with_attM(gathered) + self.proj_without_attM(master)
        return updated


class GraphPool(nn.Module):
    """Keeps the best-scored share ``keep`` of the nodes, each scaled by its score."""

    def __init__(self, keep: float, width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 1)
        self.drop = nn.Dropout(0.3)
        self.keep = keep

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) to (B, max(int(N * keep), 1), D)."""
        scores = torch.sigmoid(self.proj(self.drop(x)))
        count = max(int(x.size(1) * self.keep), 1)
        best = scores.topk(count, dim=1).indices.expand(-1, -1, x.size(2))
        return torch.gather(x * scores, 1, best)


class AASIST(nn.Module):
    """Raw waveform to two logits, spoof and bona fide, as in the published checkpoints.

    Any length of at least 2,200 samples is accepted; the networks are trained and evaluated on
    windows of 64,600 samples (4.04 s) at 16 kHz.
    """

    sinc: Tensor

    def __init__(self, config: AASISTConfig = AASIST_BASE) -> None:
        super().__init__()
        self.register_buffer("sinc", sinc_filters(), persistent=False)
        self.first_bn = nn.BatchNorm2d(1)
        inputs = (1, *config.channels[:-1])
        self.encoder = nn.Sequential(
            *(
                nn.Sequential(ResidualBlock(i, o, first=n == 0))
                for n, (i, o) in enumerate(zip(inputs, config.channels, strict=True))
            )
        )
        width, graph_width = config.graph_dims
        embedding = config.channels[-1]
        self.pos_S = nn.Parameter(torch.randn(1, SPECTRAL_NODES, embedding))
        self.master1 = nn.Parameter(torch.randn(1, 1, width))
        self.master2 = nn.Parameter(torch.randn(1, 1, width))
        self.GAT_layer_S = GraphAttention(embedding, width, config.temperature)
        self.GAT_layer_T = GraphAttention(embedding, width, config.temperature)
        tau = config.heterogeneous_temperature
        self.HtrgGAT_layer_ST11 = HeterogeneousGraphAttention(width, graph_width, tau)
        self.HtrgGAT_layer_ST12 = HeterogeneousGraphAttention(graph_width, graph_width, tau)
        self.HtrgGAT_layer_ST21 = HeterogeneousGraphAttention(width, graph_width, tau)
        self.HtrgGAT_layer_ST22 = HeterogeneousGraphAttention(graph_width, graph_width, tau)
        self.pool_S = GraphPool(config.keep[0], width)
        self.pool_T = GraphPool(config.keep[1], width)
        self.pool_hS1 = GraphPool(config.keep[2], graph_width)
        self.pool_hT1 = GraphPool(config.keep[2], graph_width)
        self.pool_hS2 = GraphPool(config.keep[2], graph_width)
        self.pool_hT2 = GraphPool(config.keep[2], graph_width)
        self.drop_way = nn.Dropout(0.2)
        self.drop = nn.Dropout(0.5)
        self.out_layer = nn.Linear(5 * graph_width, 2)

    def forward(self, waveform: Tensor) -> Tensor:
        """float32 (B, samples) at 16 kHz to logits (B, 2): ``[:, 0]`` spoof, ``[:, 1]`` real."""
        logits: Tensor = self.out_layer(self.drop(self.embed(waveform)))
        return logits

    def embed(self, waveform: Tensor) -> Tensor:
        """float32 (B, samples) to the read-out (B, 5 * graph width) before the last layer."""
        features = self.encode(self.front_end(waveform)).float()
        magnitude = features.abs()
        spectral = self.pool_S(self.GAT_layer_S(magnitude.amax(3).transpose(1, 2) + self.pos_S))
        temporal = self.pool_T(self.GAT_layer_T(magnitude.amax(2).transpose(1, 2)))
        ways = (self._way_1(temporal, spectral), self._way_2(temporal, spectral))
        dropped = [[self.drop_way(part) for part in way] for way in ways]
        t, s, master = (torch.maximum(a, b) for a, b in zip(*dropped, strict=True))
        readout = [t.abs().amax(1), t.mean(1), s.abs().amax(1), s.mean(1), master.squeeze(1)]
        return torch.cat(readout, dim=1)

    def front_end(self, waveform: Tensor) -> Tensor:
        """float32 (B, samples) to the pooled filter bank (B, 1, 23, (samples - 128) // 3).

        The bank is fixed, so no gradient flows into it.
        """
        bands = functional.conv1d(waveform.unsqueeze(1), self.sinc).abs_()
        return functional.max_pool2d(bands.unsqueeze(1), 3)

    def encode(self, bands: Tensor) -> Tensor:
        """(B, 1, 23, T) of ``front_end`` to features (B, C, 23, T // 729)."""
        encoded: Tensor = self.encoder(functional.selu(self.first_bn(bands)))
        return encoded

    def _way_1(self, temporal: Tensor, spectral: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        t, s, master = self.HtrgGAT_layer_ST11(temporal, spectral, self.master1)
        t, s = self.pool_hT1(t), self.pool_hS1(s)
        dt, ds, dm = self.HtrgGAT_layer_ST12(t, s, master)
        return t + dt, s + ds, master + dm

    def _way_2(self, temporal: Tensor, spectral: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        t, s, master = self.HtrgGAT_layer_ST21(temporal, spectral, self.master2)
        t, s = self.pool_hT2(t), self.pool_hS2(s)
        dt, ds, dm = self.HtrgGAT_layer_ST22(t, s, master)
        return t + dt, s + ds, master + dm
