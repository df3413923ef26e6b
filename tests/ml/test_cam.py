"""Maps account for the logit, keep its sign, and depend on what the network learned."""

import numpy as np
import pytest
import torch

from ml.explain.cam import heat_layer, linear_cam, recurrent_cam
from ml.models.resnext_lstm import ResNeXtLSTM
from ml.models.statistics_xception import StatisticsXception, laid_together
from ml.models.xception import Xception


@pytest.fixture(scope="module")
def picture() -> torch.Tensor:
    return torch.randn(1, 3, 160, 160, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def model() -> Xception:
    torch.manual_seed(0)
    return Xception().eval()


def _map(model: Xception, picture: torch.Tensor) -> tuple[torch.Tensor, float]:
    with torch.inference_mode():
        features = model.features(picture)
        logits = model.classify(features)[0]
        return linear_cam(features, model.fc.weight)[0], float(logits[1] - logits[0])


def test_the_map_and_the_bias_add_up_to_the_logit(model: Xception, picture: torch.Tensor) -> None:
    cam, logit = _map(model, picture)
    bias = float(model.fc.bias[1] - model.fc.bias[0])
    assert float(cam.mean()) + bias == pytest.approx(logit, abs=1e-5)


def test_randomised_parameters_destroy_the_map(model: Xception, picture: torch.Tensor) -> None:
    before, _ = _map(model, picture)
    torch.manual_seed(99)
    after, _ = _map(Xception().eval(), picture)
    likeness = np.corrcoef(before.flatten(), after.flatten())[0, 1]
    assert abs(likeness) < 0.5


def test_the_recurrent_map_is_the_gradient_of_the_logit() -> None:
    torch.manual_seed(0)
    model = ResNeXtLSTM(hidden=32, layers=1).eval()
    maps = torch.rand(1, 16, 2048, 2, 2)
    lengths = torch.tensor([16])
    logit, cam, shares = recurrent_cam(model, maps, lengths)
    with torch.inference_mode():
        out = model.classify(maps.mean((3, 4)), lengths)[0]
        assert float(logit) == pytest.approx(float(out[1] - out[0]), abs=1e-6)
        moved = maps.clone()
        moved[0, 5] *= 1.001
        nudged = model.classify(moved.mean((3, 4)), lengths)[0]
    slope = (float(nudged[1] - nudged[0]) - float(logit)) / 0.001
    assert float(shares[5]) == pytest.approx(slope, rel=0.2, abs=2e-4)
    torch.testing.assert_close(cam.sum((1, 2)), shares)


def test_the_recurrent_map_accepts_tensors_of_inference_mode() -> None:
    model = ResNeXtLSTM(hidden=8, layers=1).eval()
    with torch.inference_mode():
        maps = torch.rand(1, 16, 2048, 2, 2)
    assert recurrent_cam(model, maps, torch.tensor([16]))[1].shape == (16, 2, 2)


def test_the_layer_keeps_the_sign_and_is_clear_where_nothing_responded() -> None:
    layer = heat_layer(np.array([[1.0, -1.0], [0.0, 0.0]], dtype=np.float32), 40, 1.0)
    assert layer.shape == (40, 40, 4)
    assert layer[0, 0, 0] > layer[0, 0, 2]
    assert layer[0, -1, 2] > layer[0, -1, 0]
    assert layer[0, 0, 3] > 200
    assert layer[-1, 20, 3] < 30
    with pytest.raises(ValueError, match="positive"):
        heat_layer(np.zeros((2, 2), dtype=np.float32), 4, 0.0)


def test_the_map_of_the_statistics_adds_up_to_the_logit(picture: torch.Tensor) -> None:
    torch.manual_seed(0)
    model = StatisticsXception(levels=(5, 9)).eval()
    model.contrast.fill_(0.4)
    with torch.inference_mode():
        crops = picture.repeat(2, 1, 1, 1)
        middle, whole = (model.maps(model.stem(view)) for view in model.views(crops))
        logit, cams = model.explain(middle, whole)
        answers = model.answers(middle, whole)
        out = model(picture)[0]
        shares = torch.softmax(model.hypotheses(answers), 1)
    blending, synthesis = shares.T
    bias = model.heads.bias.detach()
    own = (blending - 0.4 * synthesis) * bias[0] + synthesis * bias[1]
    apart = own - (shares * shares.log()).sum(1)
    torch.testing.assert_close(cams.mean((1, 2)) + apart, logit, atol=1e-5, rtol=0)
    assert float(out[1] - out[0]) == pytest.approx(float(logit[0]), abs=1e-5)


def test_the_middle_and_all_of_the_crop_are_looked_at_and_their_maps_lie_there() -> None:
    crops = torch.zeros(1, 3, 304, 304)
    crops[..., 24:32, 24:32] = 1.0
    middle, smaller = StatisticsXception(levels=(9,)).views(crops)
    assert middle.shape == (1, 3, 256, 256)
    assert middle[..., :8, :8].min() == 1.0
    assert middle.sum() == crops.sum()
    assert smaller.shape == (1, 3, 228, 228)
    assert smaller[..., 20:22, 20:22].min() > 0.99
    fine, whole = torch.zeros(1, 16, 16), torch.zeros(1, 14, 14)
    fine[0, 0, 0] = 256.0
    whole[0, 13, 13] = 196.0
    assert float(laid_together(fine, whole).mean()) == pytest.approx(2.0, abs=1e-4)
    placed = laid_together(fine, torch.zeros(1, 14, 14))[0]
    assert placed.shape == (38, 38)
    assert placed[3:5, 3:5].min() > 0
    assert placed[3:5, 3:5].sum() == placed.sum()
    assert laid_together(torch.zeros(1, 16, 16), whole)[0].argmax() == 38 * 38 - 1
