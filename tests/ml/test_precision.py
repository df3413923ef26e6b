"""bfloat16 moves the shipped networks' logits by less than the stated tolerance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ml import DeepfakeDetector
from ml.branches.aasist import create as aasist
from ml.branches.base import Branch
from ml.branches.precision import TOLERANCE, ReducedPrecision
from ml.branches.registry import NAMES, create_branch
from ml.branches.resnext_lstm import ResNeXtLSTMBranch
from ml.branches.whisper import WhisperBranch
from ml.branches.xception import SIZE, XceptionBranch
from ml.cli import main
from ml.errors import ParameterError
from ml.explain.cam import recurrent_cam
from ml.pool import BranchPool
from ml.result import AnalysisResult
from ml.weights.registry import WeightRegistry
from tests.ml.drawn_face import draw_face, synthesise_voice
from tests.ml.small_registry import make_profile, make_registry

CPU = torch.device("cpu")


def _faces(branch: XceptionBranch) -> list[float]:
    turns = [-0.6, -0.2, 0.0, 0.3, 0.7]
    return [float(v) for v in branch.score([draw_face(SIZE, turn=turn) for turn in turns])[0]]


def _sequence(branch: ResNeXtLSTMBranch) -> list[float]:
    crops = [draw_face(112, turn=0.05 * step) for step in range(16)]
    return [float(recurrent_cam(branch.model, branch._maps(crops)[None], torch.tensor([16]))[0])]


def _speech(branch: WhisperBranch) -> list[float]:
    voice = synthesise_voice(8.0)
    return [float(v) for v in branch.score([voice[k : k + 64_600] for k in (0, 20_000, 60_000)])]


@pytest.mark.parametrize(
    ("name", "logits"), [("xception", _faces), ("resnext_lstm", _sequence), ("whisper", _speech)]
)
def test_the_shift_of_the_shipped_networks_is_under_the_tolerance(
    name: str, logits: Callable[[Branch], list[float]]
) -> None:
    branch = create_branch(name)
    branch.load(WeightRegistry(), CPU)
    assert isinstance(branch, ReducedPrecision)
    exact = np.array(logits(branch))
    branch.dtype = torch.bfloat16
    reduced = np.array(logits(branch))
    assert 0 < np.abs(reduced - exact).max() < TOLERANCE


def test_only_measured_branches_are_offered() -> None:
    offered = {name for name in NAMES if isinstance(create_branch(name), ReducedPrecision)}
    assert offered == {"xception", "resnext_lstm", "whisper"}
    assert not isinstance(aasist(), ReducedPrecision)


def test_the_pool_hands_the_type_to_its_branches() -> None:
    for dtype in (torch.float32, torch.bfloat16):
        pool = BranchPool(CPU, dtype=dtype)
        branch = pool.get("xception").branch
        assert isinstance(branch, ReducedPrecision)
        assert branch.dtype is pool.get("xception").dtype is dtype
        assert pool.get("tiny_ladeda").dtype is torch.float32


def test_the_result_says_in_which_type_it_was_computed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_registry(tmp_path / "w")
    Image.fromarray(draw_face(256)).save(tmp_path / "face.png")
    where = [
        "--device",
        "cpu",
        "--weights-dir",
        str(folder),
        "--profile",
        str(make_profile(folder)),
    ]
    for dtype, words in (("float32", []), ("bfloat16", ["--dtype", "bfloat16"])):
        assert main(["detect", str(tmp_path / "face.png"), "--json", *where, *words]) == 0
        assert AnalysisResult.from_json(capsys.readouterr().out).provenance.dtype == dtype


def test_another_type_is_refused() -> None:
    with pytest.raises(ParameterError, match="float32, bfloat16"):
        DeepfakeDetector("cpu", dtype="float8")
