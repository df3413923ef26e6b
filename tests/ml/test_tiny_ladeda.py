"""Tiny-LaDeDa: 1,297 parameters and an exact patch map."""

import pytest
import torch

from ml.models.tiny_ladeda import TinyLaDeDa


def test_it_has_1297_parameters() -> None:
    assert sum(p.numel() for p in TinyLaDeDa().parameters()) == 1297


@pytest.mark.parametrize("gradient", ["npr", "diagonal"])
def test_the_patch_map_averages_to_the_logit(gradient: str) -> None:
    torch.manual_seed(1)
    model = TinyLaDeDa(gradient).eval()
    pictures = torch.randn(2, 3, 65, 80)
    with torch.inference_mode():
        torch.testing.assert_close(model.patch_map(pictures).mean((1, 2)), model(pictures))


def test_a_patch_depends_on_its_neighbourhood_only() -> None:
    torch.manual_seed(2)
    model = TinyLaDeDa().eval()
    picture = torch.randn(1, 3, 64, 64)
    changed = picture.clone()
    changed[:, :, 40:, 40:] += 1.0
    with torch.inference_mode():
        difference = (model.patch_map(picture) - model.patch_map(changed)).abs()[0]
    assert float(difference[:16, :16].max()) == 0.0
    assert float(difference.max()) > 0.0


def test_a_flat_picture_is_all_the_gradient_filter_removes() -> None:
    model = TinyLaDeDa().eval()
    with torch.inference_mode():
        dark = model.patch_map(torch.full((1, 3, 32, 32), -1.0))
        light = model.patch_map(torch.full((1, 3, 32, 32), 2.0))
    torch.testing.assert_close(dark, light)


def test_an_unknown_gradient_filter_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown gradient filter"):
        TinyLaDeDa("sobel")
