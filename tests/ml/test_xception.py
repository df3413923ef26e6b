"""Xception: sizes, key dialects, strict loading."""

import pytest
import torch

from ml.models.xception import Xception, load_imagenet, load_strict, normalise_keys


@pytest.fixture(scope="module")
def model() -> Xception:
    torch.manual_seed(0)
    return Xception().eval()


@pytest.mark.parametrize(("classes", "parameters"), [(2, 20_811_050), (1000, 22_855_952)])
def test_parameter_counts_are_the_published_ones(classes: int, parameters: int) -> None:
    assert sum(p.numel() for p in Xception(classes).parameters()) == parameters


@pytest.mark.parametrize(("side", "cells"), [(299, 10), (256, 8)])
def test_feature_map_size(model: Xception, side: int, cells: int) -> None:
    with torch.inference_mode():
        assert model.features(torch.zeros(1, 3, side, side)).shape == (1, 2048, cells, cells)


def _dialect(name: str, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    def classifier(key: str, to: str) -> str:
        return key.replace("fc.", to) if key.startswith("fc.") else key

    flat = {key: value[:, :, 0, 0] if "pointwise" in key else value for key, value in state.items()}
    return {
        "imagenet": flat,
        "faceforensics": {"model." + classifier(k, "last_linear.1."): v for k, v in state.items()},
        "deepfakebench": {
            **{"module.backbone." + classifier(k, "last_linear."): v for k, v in state.items()},
            "module.backbone.adjust_channel.0.weight": torch.zeros(512, 2048, 1, 1),
        },
    }[name]


@pytest.mark.parametrize("name", ["imagenet", "faceforensics", "deepfakebench"])
def test_every_dialect_loads_to_the_same_logits(model: Xception, name: str) -> None:
    other = Xception()
    load_strict(other, normalise_keys(_dialect(name, model.state_dict())))
    picture = torch.randn(1, 3, 128, 128)
    with torch.inference_mode():
        assert torch.equal(other.eval()(picture), model(picture))


def test_a_checkpoint_that_does_not_fit_is_refused_with_the_names(model: Xception) -> None:
    state = normalise_keys(model.state_dict())
    state["block99.weight"] = state.pop("block5.rep.2.weight")
    with pytest.raises(ValueError, match=r"missing \['block5.rep.2.weight'\].*'block99.weight'"):
        load_strict(Xception(), state)


def test_imagenet_weights_keep_the_fresh_classifier(model: Xception) -> None:
    state = {k: v for k, v in model.state_dict().items() if not k.startswith("fc.")}
    other = Xception()
    before = other.fc.weight.clone()
    load_imagenet(other, state)
    assert torch.equal(other.fc.weight, before)
    assert torch.equal(other.conv1.weight, model.conv1.weight)
