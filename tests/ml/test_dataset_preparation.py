"""A public set becomes a data folder, trains a network and is measured, each by its command."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile as sf

from ml.cli import main
from ml.result import MediaKind
from ml.training.audio_clips import load_manifest
from ml.training.datasets.prepare import Options, in_parts, prepare, some
from ml.training.datasets.records import Record
from ml.training.image_data import read_manifest
from ml.weights.registry import WeightRegistry
from tests.ml.dataset_trees import lav_df, write
from tests.ml.drawn_face import draw_face, synthesise_voice

TINY = """
[engine]
steps = 2
evaluate_every = 2
threads = 1
bf16 = false

[audio]
architecture = "aasist_light"
batch = 2
samples = 16000
"""


@pytest.fixture
def asvspoof(tmp_path: Path) -> Path:
    """ASVspoof 2019 LA with eight speakers of two seconds each, one file of another rate."""
    rng = np.random.default_rng(0)
    lines = []
    folder = tmp_path / "LA" / "ASVspoof2019_LA_train" / "flac"
    folder.mkdir(parents=True)
    for n in range(16):
        name, key = f"LA_T_{n:07d}", "- bonafide" if n % 2 else "A01 spoof"
        lines.append(f"LA_{n // 2:04d} {name} - {key}")
        rate = 8000 if n == 0 else 16000
        voice = synthesise_voice(2.0, rate)
        sf.write(folder / f"{name}.flac", voice + 0.001 * rng.standard_normal(voice.size), rate)
    protocol = "LA/ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.train.trn.txt"
    write(tmp_path, protocol, "\n".join(lines) + "\n")
    return tmp_path


def test_speech_is_listed_where_it_lies_and_decoded_where_it_must(
    asvspoof: Path, tmp_path: Path
) -> None:
    out = tmp_path / "data"
    assert prepare({"asvspoof2019": asvspoof}, "audio", out, Options()) == 16
    clips = load_manifest(out)
    assert sum(clip.spoof for clip in clips) == 8
    assert all(Path(clip.path).is_absolute() for clip in clips[1:])
    assert (out / "audio" / clips[0].path).exists()
    assert {clip.waveform.size for clip in clips} == {32000}
    assert {clip.generator for clip in clips} == {"", "A01"}
    assert len({clip.source for clip in clips}) > 1
    by_speaker = {}
    for row in read_manifest(out / "audio"):
        assert by_speaker.setdefault(row["speaker"], row["source_repo"]) == row["source_repo"]
    made = (out / "audio" / clips[0].path).stat().st_mtime_ns
    prepare({"asvspoof2019": asvspoof}, "audio", out, Options())
    assert (out / "audio" / clips[0].path).stat().st_mtime_ns == made


def test_a_network_trains_on_a_set_named_by_the_command_or_the_configuration(
    asvspoof: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "tiny.toml"
    config.write_text(TINY)
    command = ["train", "audio", "--config", str(config), "--device", "cpu"]
    out = tmp_path / "runs" / "first"
    assert main([*command, "--out", str(out), "--dataset", f"asvspoof2019={asvspoof}"]) == 0
    assert (out / "last.safetensors").exists()
    config.write_text(f'{TINY}\n[datasets]\nasvspoof2019 = "{asvspoof}"\nlimit = 3\n')
    assert main([*command, "--out", str(tmp_path / "others" / "second")]) == 0
    assert len(load_manifest(tmp_path / "others" / "datasets")) == 6
    config.write_text(TINY)
    capsys.readouterr()
    assert main([*command, "--out", str(out)]) == 2
    assert "--dataset NAME=FOLDER" in capsys.readouterr().err
    assert main([*command, "--out", str(out), "--dataset", f"asvspoof2019={tmp_path / 'x'}"]) == 2
    assert "no folder" in capsys.readouterr().err


def test_faces_are_cut_from_pictures(tmp_path: Path) -> None:
    for label in ("real", "fake"):
        for n in range(2):
            path = tmp_path / "set" / label / f"{n}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), np.ascontiguousarray(draw_face(400 + n)[..., ::-1]))
    blank = np.zeros((64, 64, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "set" / "real" / "blank.png"), blank)
    (tmp_path / "set" / "real" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    made = prepare({"folders": tmp_path / "set"}, "images", tmp_path / "data", Options())
    assert made == 4
    for row in read_manifest(tmp_path / "data" / "images"):
        picture = cv2.imread(str(tmp_path / "data" / "images" / row["path"]))
        assert picture is not None
        assert max(picture.shape[:2]) <= 288
        assert row["label"] in ("real", "fake")


def test_sound_that_is_forged_is_not_taken_for_lips_in_step(tmp_path: Path) -> None:
    lav_df(tmp_path)
    with pytest.raises(SystemExit):
        main(["data", "prepare", f"lav_df={tmp_path}", "--out", str(tmp_path / "d")])
    # The files of the tree are empty: each is named and left out.
    command = ["data", "prepare", f"lav_df={tmp_path}", "--what", "videos"]
    assert main([*command, "--out", str(tmp_path / "d")]) == 0
    assert read_manifest(tmp_path / "d" / "videos") == []


def record(number: int, method: str) -> Record:
    return Record(
        Path(f"{number}.wav"), MediaKind.AUDIO, bool(method), "train", method, "", "s", str(number)
    )


def test_a_limit_takes_some_of_every_method() -> None:
    records = [record(n, "A01" if n % 5 else "") for n in range(100)]
    chosen = some(records, 4)
    assert sum(r.fake for r in chosen) == 4
    assert len(chosen) == 8
    assert some(records, 0) == records


def test_a_set_of_one_source_gets_parts_to_leave_out() -> None:
    records = in_parts([record(n, "") for n in range(60)])
    assert len({r.source for r in records}) == 10
    mixed = [record(0, ""), Record(**{**vars(record(1, "")), "source": "t"})]
    assert in_parts(mixed) == mixed


@pytest.fixture
def listener(tmp_path: Path) -> Path:
    """A weights folder with the shipped AASIST alone."""
    shipped = WeightRegistry()
    folder = tmp_path / "weights"
    folder.mkdir()
    text = (shipped.folder / "registry.toml").read_text(encoding="utf-8")
    entry = "[aasist]" + text.split("[aasist]")[1].split("\n[")[0]
    entry = re.sub(r"^calibration = .*$", "", entry, flags=re.MULTILINE)
    (folder / "registry.toml").write_text(entry, encoding="utf-8")
    shutil.copy(shipped.path("aasist"), folder)
    return folder


def test_a_set_is_measured_by_the_shipped_branches(
    asvspoof: Path, listener: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "measured"
    command = ["evaluate", "dataset", "--dataset", f"asvspoof2019={asvspoof}", "--limit", "2"]
    command += ["--out", str(out), "--cache", str(tmp_path / "s.sqlite"), "--threads", "1"]
    command += ["--weights-dir", str(listener)]
    assert main(command) == 0
    report = json.loads((out / "asvspoof2019.json").read_text())
    rows = list(csv.DictReader((out / "asvspoof2019_scores_aasist.csv").open()))
    assert {row["method"] for row in rows} == {"A01", "ASVspoof 2019 LA"}
    measured = report["weights"]["aasist"]["sets"][0]
    assert (measured["n_real"], measured["n_fake"]) == (2, 2)
    assert (out / "figures" / "asvspoof2019-all-splits.svg").exists()
    capsys.readouterr()
    assert main([*command, "--split", "moon"]) == 2
    assert "no recordings in split 'moon'" in capsys.readouterr().err
