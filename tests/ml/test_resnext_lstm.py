"""ResNeXt50 + BiLSTM: size, and that padding, order and batch position do what they should."""

import pytest
import torch

from ml.models.resnext_lstm import ResNeXtLSTM


@pytest.fixture(scope="module")
def model() -> ResNeXtLSTM:
    torch.manual_seed(0)
    return ResNeXtLSTM().eval()


def test_backbone_and_recurrence_have_the_published_sizes(model: ResNeXtLSTM) -> None:
    assert sum(p.numel() for p in model.backbone.parameters()) == 22_979_904
    assert sum(p.numel() for p in model.lstm.parameters()) == 6_299_648


def test_padding_changes_nothing(model: ResNeXtLSTM) -> None:
    features = torch.randn(2, 20, 2048)
    padded = torch.cat([features, 100 * torch.ones(2, 12, 2048)], dim=1)
    with torch.inference_mode():
        short = model.classify(features, torch.tensor([20, 16]))
        long = model.classify(padded, torch.tensor([20, 16]))
    torch.testing.assert_close(short, long)


def test_recurrence_runs_over_time_and_not_over_the_batch(model: ResNeXtLSTM) -> None:
    features = torch.randn(3, 16, 2048)
    lengths = torch.full((3,), 16)
    with torch.inference_mode():
        together = model.classify(features, lengths)
        alone = model.classify(features[1:2], lengths[:1])
        reversed_time = model.classify(features[1:2].flip(1), lengths[:1])
    torch.testing.assert_close(together[1:2], alone, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(reversed_time, alone, atol=1e-5)


def test_forward_takes_frames(model: ResNeXtLSTM) -> None:
    with torch.inference_mode():
        assert model(torch.randn(1, 3, 3, 64, 64)).shape == (1, 2)
