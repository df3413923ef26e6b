"""The head over Xception's middle flow, fitted without the held-out source, and pairs."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from ml.models.statistics_xception import CHANNELS, PARTS, SYNTHESIS, StatisticsXception
from ml.training import self_blending as made
from ml.training.discriminant import Head, discriminant, set_head
from ml.training.engine import save_tensors
from ml.training.image_crops import to_tensor
from ml.training.image_data import Photo
from ml.training.pairs import forged_pair
from ml.training.statistics import (
    StatisticsConfig,
    Store,
    areas,
    fit,
    held_rows,
    load_trunk,
    score,
    seen_in,
)

WIDTH = PARTS * CHANNELS


def _store() -> Store:
    """Two sources whose forgeries differ from their photographs in some statistics."""
    rng = np.random.default_rng(0)
    rows = []
    for source, shift in (("a", 0.0), ("b", 3.0)):
        for part in ("clean", "degraded", "pair"):
            for turn in range(40):
                fake = turn % 2 == 1
                statistics = rng.normal(0, 1, WIDTH) + shift
                statistics[:200] += 1.5 * fake
                method = ("blend" if part == "pair" else "stylegan2") if fake else "photo"
                rows.append((statistics, f"{source}/{turn}", fake, source, method, "train", part))
    features, *columns = zip(*rows, strict=True)
    blended = np.zeros(len(rows), np.float32)
    return Store(np.stack(features).astype(np.float32), blended, *map(np.array, columns))


def test_the_heads_find_the_forgery_in_a_source_they_never_saw() -> None:
    config = StatisticsConfig("", "", hold_out=("b",))
    store = _store()
    model = StatisticsXception(config.levels).eval()
    set_head(model, SYNTHESIS, fit(config, store))
    pairs = (store.part == "pair") & (store.source == "a")
    groups = store.source[pairs]
    blending = discriminant(store.features[pairs], store.fake[pairs], groups, ridge=1.0)
    blended = (store.features @ blending.weight + blending.bias).astype(np.float32)
    scored = score(model, replace(store, blended=blended), held_rows(config, store))
    assert {row.source for row in scored} == {"b"}
    assert len({row.path for row in scored}) == len(scored) == 80
    figures = areas(scored)
    assert figures["stylegan2"] > 0.9
    assert figures["blend"] > 0.9


def test_the_store_keeps_what_each_head_sees_in_its_own_view() -> None:
    torch.manual_seed(0)
    model = StatisticsXception((9,)).eval()
    torch.nn.init.normal_(model.heads.weight, std=10.0)
    crops = [_photo(seed).rgb[:152, :152] for seed in (1, 2, 3)]
    features, blended = seen_in(model, crops)
    weight, bias = model.heads.weight[SYNTHESIS], model.heads.bias[SYNTHESIS]
    synthesised = torch.from_numpy(features).float() @ weight + bias
    with torch.inference_mode():
        real, fake = model(to_tensor(crops)).T
    joined = model.joined(torch.stack([torch.from_numpy(blended), synthesised], -1))
    logits = fake - real
    assert float((joined - logits).abs().max().detach()) < 0.2 * float(logits.std().detach())


def test_either_sign_is_enough_and_what_looks_blended_was_not_synthesised_whole() -> None:
    model = StatisticsXception((9,))
    model.contrast.fill_(0.5)
    answers = torch.tensor([[-9.0, 6.0], [9.0, -6.0], [-9.0, -6.0], [-2.0, 6.0], [2.0, 6.0]])
    synthesised, blended, neither, before, after = model.joined(answers).tolist()
    assert synthesised == pytest.approx(6 + 4.5, abs=0.01)
    assert blended == pytest.approx(9, abs=0.01)
    assert neither < -1
    assert after < before


def test_the_network_that_is_written_joins_its_heads_as_the_recipe_says(tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_tensors(StatisticsXception((9,)), tmp_path / "trunk.safetensors")
    config = StatisticsConfig(str(tmp_path / "trunk.safetensors"), "", contrast=0.2)
    model = load_trunk(config)
    assert float(model.contrast) == pytest.approx(0.2)


def test_the_held_out_source_does_not_move_the_heads() -> None:
    config = StatisticsConfig("", "", hold_out=("b",))
    store = _store()
    before = fit(config, store)
    store.features[store.source == "b"] += 100
    after = fit(config, store)
    np.testing.assert_array_equal(before.weight, after.weight)
    assert before.bias == after.bias


def test_a_discriminant_ignores_what_separates_the_groups() -> None:
    rng = np.random.default_rng(1)
    groups = np.repeat(["a", "b"], 200)
    fake = np.tile([False, True], 200)
    features = rng.normal(0, 1, (400, 4)).astype(np.float32)
    features[:, 0] += 9.0 * (groups == "b")
    features[:, 1] += 2.0 * fake
    head: Head = discriminant(features, fake, groups, ridge=0.1)
    assert abs(head.weight[0]) < 0.2 * head.weight[1]
    answers = features @ head.weight + head.bias
    assert np.mean((answers > 0) == fake) > 0.8


@pytest.mark.parametrize("seed", [2, 3, 5])
def test_a_pair_shows_one_photograph_twice_and_repeats_by_seed(seed: int) -> None:
    photos = [_photo(k) for k in range(4)]
    first = forged_pair(photos[0], photos, 96, np.random.default_rng(seed))
    again = forged_pair(photos[0], photos, 96, np.random.default_rng(seed))
    assert [crop.shape for crop in first] == [(96, 96, 3)] * 2
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(*first)


def test_bands_join_without_touching_what_is_far_from_the_mask() -> None:
    inner, outer = _photo(1).rgb, _photo(2).rgb
    mask = np.zeros(outer.shape[:2], dtype=np.float32)
    mask[70:90, 70:90] = 1
    joined = made.multiband(inner, outer, mask, levels=2)
    assert joined.shape == outer.shape
    assert np.abs(joined[:30].astype(int) - outer[:30]).max() <= 1
    assert np.abs(joined[78:82, 78:82].astype(int) - inner[78:82, 78:82]).max() <= 2


def _photo(seed: int) -> Photo:
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
    rgb = np.asarray(cv2.resize(noise, (160, 160), interpolation=cv2.INTER_CUBIC), np.uint8)
    mesh = (80 + rng.uniform(-40, 40, (468, 2))).astype(np.float32)
    return Photo(f"{seed}.jpg", rgb, (45, 40, 115, 120), mesh, False, "photo", "made", "train")
