"""The command line: its commands (weights: test_weights_cli), options and exit statuses."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from ml.cli import main
from ml.result import AnalysisResult
from tests.ml.drawn_face import draw_face
from tests.ml.media_samples import tone, write_wav
from tests.ml.small_registry import make_profile, make_registry
from tests.ml.test_prepare import video_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_registry(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def options(folder: Path) -> list[str]:
    profile = make_profile(folder)
    return ["--device", "cpu", "--weights-dir", str(folder), "--profile", str(profile)]


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """A folder with a picture, a sound, a text and a video below."""
    folder = tmp_path / "media"
    (folder / "below").mkdir(parents=True)
    Image.fromarray(draw_face(256)).save(folder / "face.png")
    write_wav(folder / "sound.wav", tone(1.0, 16_000))
    (folder / "letter.mp4").write_text("Dear reader")
    video_of(folder / "below" / "v.mkv", [draw_face(192)] * 4)
    return folder


def test_detect_prints_the_finding(
    options: list[str], media: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["detect", str(media / "face.png"), *options]) == 0
    text = capsys.readouterr().out
    assert "log10 LR" in text
    assert "Patch gate (Tiny-LaDeDa): scored" in text
    assert "contributed most" in text


def test_detect_json_and_artefacts(
    options: list[str], media: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "pictures"
    arguments = ["detect", str(media / "face.png"), "--json", "--artefacts", str(out), *options]
    assert main([*arguments, "--prior", "0.3", "--threshold", "0.6"]) == 0
    result = AnalysisResult.from_json(capsys.readouterr().out)
    assert (result.decision.prior, result.decision.threshold) == (0.3, 0.6)
    written = {path.name for path in (out / "face.png").iterdir()}
    assert written == {facts.name for facts in result.artefacts}


def test_detect_goes_on_after_a_bad_file(
    options: list[str], media: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(media / "letter.mp4"), str(media / "face.png")]
    assert main(["detect", *files, "--json", *options]) == 1
    captured = capsys.readouterr()
    first, second = (json.loads(line) for line in captured.out.splitlines())
    assert first["error"] == "unsupported"
    assert second["input"]["name"] == "face.png"
    assert "letter.mp4" in captured.err


def test_two_files_of_one_name_keep_their_own_pictures(
    options: list[str], media: Path, tmp_path: Path
) -> None:
    other = media / "below" / "face.png"
    Image.fromarray(draw_face(256, turn=0.3)).save(other)
    out = tmp_path / "pictures"
    files = [str(media / "face.png"), str(other)]
    assert main(["detect", *files, "--artefacts", str(out), *options]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["face.png", "face.png-2"]
    first, second = (
        (out / name / "frame-0.jpg").read_bytes() for name in ("face.png", "face.png-2")
    )
    assert first != second


def test_an_output_that_cannot_be_written_is_said_in_words(
    options: list[str], media: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    face = str(media / "face.png")
    assert main(["detect", face, "--artefacts", face, *options]) == 1
    assert capsys.readouterr().err == f"dfd: {face}: File exists\n"


@pytest.mark.parametrize("device", ["banana", "meta", "cuda:63"])
def test_a_device_that_is_not_there_is_a_usage_error(
    device: str, media: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["detect", str(media / "face.png"), "--device", device]) == 2
    assert f"The device '{device}' cannot be used here" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "evaluate", "data"])
def test_commands_with_their_own_options_describe_them(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert f"usage: python -m ml {command}" in capsys.readouterr().out


def test_a_reader_that_goes_away_is_no_crash(options: list[str], media: Path) -> None:
    command = [sys.executable, "-m", "ml", "detect", str(media / "letter.mp4"), "--json", *options]
    reading, writing = os.pipe()
    os.close(reading)
    run = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert "BrokenPipe" not in run.stderr


def test_closed_standard_input_takes_nothing_from_the_file(options: list[str], media: Path) -> None:
    """The file would get the number 0, which is the child's own empty input."""
    command = [sys.executable, "-m", "ml", "detect", str(media / "face.png"), *options]
    run = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *command], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "log10 LR" in run.stdout


def test_wrong_values_and_profiles_are_usage_errors(
    options: list[str], media: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    face = str(media / "face.png")
    assert main(["detect", face, *options, "--threshold", "0.9"]) == 2
    assert "threshold must be a number from 0.3 to 0.7" in capsys.readouterr().err
    assert main(["detect", face, "--profile", "none"]) == 2
    with pytest.raises(SystemExit) as caught:
        main(["detect", face, *options, "--fusion-strategy", "magic"])
    assert caught.value.code == 2


def test_a_missing_weight_has_its_own_status(
    media: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_registry(tmp_path / "w")
    (folder / "tiny_ladeda.safetensors").unlink()
    profile = str(make_profile(folder))
    arguments = ["--weights-dir", str(folder), "--profile", profile]
    assert main(["detect", str(media / "face.png"), *arguments]) == 3
    assert "are missing" in capsys.readouterr().err


def test_batch_writes_both_files_and_resumes(
    options: list[str], media: Path, tmp_path: Path
) -> None:
    table, lines = tmp_path / "out.csv", tmp_path / "out.jsonl"
    arguments = ["batch", str(media), "--csv", str(table), "--json", str(lines), *options]
    assert main(arguments) == 1
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert [Path(row["filename"]).name for row in rows] == [
        "v.mkv", "face.png", "letter.mp4", "sound.wav",
    ]  # fmt: skip
    by_name = {Path(row["filename"]).name: row for row in rows}
    assert by_name["letter.mp4"]["error"] == "unsupported"
    assert by_name["sound.wav"]["prediction"] == "INCONCLUSIVE"
    assert by_name["face.png"]["log10_lr"]
    assert len(lines.read_text().splitlines()) == 4
    before = table.read_bytes(), lines.read_bytes()
    assert main(arguments) == 0
    assert (table.read_bytes(), lines.read_bytes()) == before


def test_batch_repeats_what_an_interruption_cut_off(
    options: list[str], media: Path, tmp_path: Path
) -> None:
    lines = tmp_path / "out.jsonl"
    arguments = ["batch", str(media), "--file-ext", ".png", "--json", str(lines), *options]
    assert main(arguments) == 0
    whole = lines.read_text()
    lines.write_text(whole[:-100])
    assert main(arguments) == 0
    assert json.loads(lines.read_text().splitlines()[-1])["input"] == json.loads(whole)["input"]


def test_batch_without_an_output_is_a_usage_error(
    options: list[str], media: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["batch", str(media), *options]) == 2
    assert "Name an output" in capsys.readouterr().err
    same = str(media / "out")
    assert main(["batch", str(media), "--csv", same, "--json", same, *options]) == 2
    assert "a file each" in capsys.readouterr().err
    assert main(["batch", str(media), "--csv", str(media / "none" / "a.csv"), *options]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--csv", "--json"])
def test_batch_leaves_a_file_alone_that_it_did_not_write(
    option: str, options: list[str], media: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A letter without a last line break would lose its last line."""
    letter = media / "letter.mp4"
    assert main(["batch", str(media), option, str(letter), *options]) == 2
    assert letter.read_text() == "Dear reader"
    assert "left as it is" in capsys.readouterr().err


def test_batch_does_not_analyse_its_own_outputs(options: list[str], media: Path) -> None:
    table = media / "out.csv"
    arguments = ["batch", str(media), "--file-ext", "v", "--csv", str(table), *options]
    assert main(arguments) == 0
    assert main(arguments) == 0
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert [Path(row["filename"]).name for row in rows] == ["v.mkv", "sound.wav"]


def test_batch_names_every_file_in_one_line_of_text(options: list[str], tmp_path: Path) -> None:
    """A name may hold any byte; a line of the output may not."""
    folder = tmp_path / "odd"
    folder.mkdir()
    for name in (b"bad\xff.mp4", b"two\nlines.mp4", "grün 漢.mp4".encode()):
        (folder / os.fsdecode(name)).write_text("Dear reader")
    table, lines = tmp_path / "out.csv", tmp_path / "out.jsonl"
    arguments = ["batch", str(folder), "--csv", str(table), "--json", str(lines), *options]
    assert main(arguments) == 1
    names = {Path(row["filename"]).name for row in csv.DictReader(table.open(encoding="utf-8"))}
    assert names == {r"bad\udcff.mp4", r"two\nlines.mp4", "grün 漢.mp4"}
    assert {Path(json.loads(line)["file"]).name for line in lines.open()} == names
    assert len(table.read_text().splitlines()) == 4
    assert main(arguments) == 0
    assert len(table.read_text().splitlines()) == 4


def test_batch_states_no_confidence_of_an_abstention(
    options: list[str], media: Path, tmp_path: Path
) -> None:
    """The evidence points to one side and so strong a prior to the other."""
    table = tmp_path / "out.csv"
    arguments = ["batch", str(media), "--file-ext", ".png", "--csv", str(table), *options]
    assert main([*arguments, "--prior", "0.999"]) == 0
    (row,) = csv.DictReader(table.open(encoding="utf-8"))
    assert row["log10_lr"]
    assert (row["prediction"], row["confidence"]) == ("INCONCLUSIVE", "")


def test_batch_without_the_folder(options: list[str], tmp_path: Path) -> None:
    assert main(["batch", str(tmp_path / "none"), *options]) == 1


def test_stream_prints_rolling_verdicts(
    options: list[str], media: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = str(media / "below" / "v.mkv")
    assert main(["stream", source, "--window", "0.1", "--json", *options]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["start"] for line in lines] == pytest.approx([0.0, 0.1])
    assert main(["stream", str(media / "none.mp4"), *options]) == 1
    for window in ("0", "-1", "nan", "1e9"):
        assert main(["stream", source, "--window", window, *options]) == 2
        assert "window must be a number of seconds" in capsys.readouterr().err


def test_a_process_of_its_own(options: list[str], media: Path) -> None:
    command = [sys.executable, "-m", "ml", "detect", str(media / "face.png"), *options]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "log10 LR" in run.stdout


def test_importing_ml_does_not_load_torch() -> None:
    code = "import sys, ml, ml.parameters, ml.result, ml.profiles; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
