"""The resident detectors of a worker."""

from __future__ import annotations

from pathlib import Path

import torch

from detection.engine import Engine
from tests.queue.media import picture


def test_a_full_accelerator_leaves_the_file_to_the_processor(tmp_path: Path) -> None:
    file = tmp_path / "picture.png"
    file.write_bytes(picture(1))
    calls: list[str] = []

    def progress(stage: str, _fraction: float) -> None:
        calls.append(stage)
        if len(calls) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")

    outcome = Engine().analyze(file, profile="standard", parameters={}, on_progress=progress)
    assert outcome.result.provenance.device == "cpu"
    assert calls[0] == calls[1] == "Extracting frames"
    assert calls[-1] == "Final classification"
