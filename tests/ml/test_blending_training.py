"""The trunk's training on pairs: what a batch shows, and that a step moves what it should."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ml.models.xception import Xception
from ml.training.blending import BlendingConfig, BlendingTask
from ml.training.caches import remembered
from ml.training.engine import EngineConfig, Trainer
from ml.training.image_data import files_origin, read_manifest

SIZE = 64
SEEN, UNSEEN = "made/seen", "made/unseen"


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> BlendingTask:
    folder = tmp_path_factory.mktemp("blending")
    _write_photographs(folder)
    torch.manual_seed(0)
    state = {k: v for k, v in Xception().state_dict().items() if not k.startswith("fc.")}
    save_file(state, str(folder / "initial.safetensors"))
    config = BlendingConfig(
        str(folder / "initial.safetensors"),
        str(folder / "landmarks.npz"),
        only=(SEEN,),
        size=SIZE,
        batch=4,
        judged=4,
    )
    return BlendingTask(config, folder, folder)


def test_only_the_named_sources_are_trained_on_and_the_others_judged(task: BlendingTask) -> None:
    assert {group[0] for group in task.photos} == {SEEN}
    real, fake = task.judged
    assert len(real) == len(fake) == 3
    assert all(not np.array_equal(a, b) for a, b in zip(real, fake, strict=True))


def test_a_batch_is_photographs_and_then_a_forgery_of_each(task: BlendingTask) -> None:
    pictures, labels = task.batch(np.random.default_rng(1))
    assert pictures.shape == (4, 3, SIZE, SIZE)
    assert labels.tolist() == [0, 0, 1, 1]
    own = (pictures[0] - pictures[2]).abs().mean()
    other = (pictures[0] - pictures[3]).abs().mean()
    assert 0 < own < other


def test_training_moves_the_middle_flow_and_the_blending_head_alone(
    task: BlendingTask, tmp_path: Path
) -> None:
    before = {name: value.clone() for name, value in task.model.state_dict().items()}
    engine = EngineConfig(steps=2, evaluate_every=2, warmup=1, lr=1e-3, bf16=False)
    figures = Trainer(task, engine, tmp_path, torch.device("cpu")).run()
    after = task.model.state_dict()
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert 0 <= figures["score"] <= 1
    assert {"block3.rep.1.pointwise.weight", "block9.rep.1.pointwise.weight"} <= moved
    assert not any(name.startswith(("conv1", "bn1", "block1.", "block2.", "fc")) for name in moved)
    assert not any(name.startswith(("block10", "block11", "block12")) for name in moved)
    assert not torch.equal(after["heads.weight"][0], before["heads.weight"][0])
    assert not after["heads.weight"][1].any()


def _write_photographs(folder: Path) -> None:
    """Six smooth pictures of each source, three of them for judging, with a box and a mesh."""
    (folder / "images").mkdir()
    names, rows = [], []
    for source in (SEEN, UNSEEN):
        for number in range(6):
            rng = np.random.default_rng((len(source), number))
            noise = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
            name = f"{source.partition('/')[2]}{number}.png"
            picture = cv2.resize(noise, (160, 160), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(folder / "images" / name), picture)
            split = "dev" if number % 2 else "train"
            rows.append([name, split, "real", "photo", source])
            names.append(name)
    with (folder / "images" / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "split", "label", "method", "source_repo"])
        writer.writerows(rows)
    rng = np.random.default_rng(0)
    meshes = 80 + rng.uniform(-40, 40, (len(names), 468, 2)).astype(np.float32)
    np.savez(folder / "landmarks.npz", names=names, points=meshes)
    boxes = {"names": np.array(names), "boxes": np.array([(45, 40, 115, 120)] * len(names))}
    made_of = files_origin(folder / "images", read_manifest(folder / "images"))
    remembered(folder / "boxes_images.npz", made_of, lambda: boxes)
