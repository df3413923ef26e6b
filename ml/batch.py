"""Analyse many files; what is already in the output is not analysed again."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from ml.answers import confidence
from ml.errors import MediaCode, MediaError, ParameterError
from ml.parameters import Parameters

if TYPE_CHECKING:
    from ml.detector import DeepfakeDetector
    from ml.result import AnalysisResult

COLUMNS = ("filename", "prediction", "confidence", "log10_lr", "sha256", "error")
CSV_BEGINNING = ",".join(COLUMNS).encode() + b"\r\n"
JSON_BEGINNING = b'{"'


@dataclass(frozen=True)
class Targets:
    """Output files; a row or line is written as soon as its file is done."""

    csv: Path | None = None
    json: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """Those that are given."""
        return tuple(path for path in (self.csv, self.json) if path is not None)

    def check(self) -> None:
        """Raises ``ParameterError(output)`` before anything is analysed in vain."""
        if not self.files:
            raise ParameterError("output", "Name an output: --csv FILE, --json FILE or both.")
        if len({path.resolve() for path in self.files}) < len(self.files):
            raise ParameterError("output", "The CSV and the JSON need a file each.")
        for path, beginning in ((self.csv, CSV_BEGINNING), (self.json, JSON_BEGINNING)):
            if path is not None:
                _check_output(path, beginning)


def _check_output(path: Path, beginning: bytes) -> None:
    """The file can be written, and what it holds already was written by an earlier run."""
    try:
        with path.open("a+b") as stream:
            stream.seek(0)
            held = stream.read(len(beginning))
    except OSError as error:
        raise ParameterError(
            "output", f"The output {path} cannot be written: {error.strerror}."
        ) from error
    if not beginning.startswith(held):
        raise ParameterError(
            "output",
            f"{path} is not an output of an earlier batch and is left as it is. Name a new file.",
        )


def find_files(
    folder: Path, ending: str | None = None, outputs: Targets | None = None
) -> list[Path]:
    """Every file below ``folder``, sorted, without the ``outputs`` that lie there. Raises
    ``MediaError`` when there is no such folder."""
    if not folder.is_dir():
        raise MediaError(MediaCode.UNSUPPORTED, f"There is no folder {folder}.")
    wanted = ending.lower() if ending else ""
    own = {path.resolve() for path in outputs.files} if outputs else set()
    return sorted(
        path
        for path in folder.rglob("*")
        if path.name.lower().endswith(wanted) and os.path.isfile(path) and path.resolve() not in own
    )


def run_batch(
    detector: DeepfakeDetector,
    files: Sequence[Path],
    targets: Targets,
    parameters: Parameters | None = None,
) -> int:
    """Analyse ``files`` that the targets do not hold yet; the number that failed."""
    for target in targets.files:
        if target.exists():
            _drop_unfinished_line(target)
    in_csv = set(_csv_names(targets.csv)) if targets.csv else None
    in_json = set(_json_names(targets.json)) if targets.json else None
    held = [names for names in (in_csv, in_json) if names is not None]
    done = set.intersection(*held) if held else set()
    todo = [path for path in files if shown(path) not in done]
    failed = 0
    for path in tqdm(todo, desc="files", initial=len(files) - len(todo), total=len(files)):
        try:
            result = detector.analyze(path, parameters=parameters).result
        except MediaError as error:
            failed += 1
            row, line = _failed_row(path, error), _failed_line(error)
        else:
            row, line = result_row(path, result), result.to_dict()
        if targets.csv and in_csv is not None and shown(path) not in in_csv:
            _append_row(targets.csv, row)
        if targets.json and in_json is not None and shown(path) not in in_json:
            _append_line(targets.json, {"file": shown(path), **line})
    return failed


def shown(path: Path) -> str:
    """The path in the outputs: one line of valid UTF-8, whatever bytes the name has (those that
    cannot be printed are escaped as in Python)."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in str(path)
    )


def result_row(path: Path, result: AnalysisResult) -> dict[str, Any]:
    """One CSV row; ``confidence`` is the probability of the stated verdict, empty for none."""
    decision, sure = result.decision, confidence(result)
    return {
        "filename": shown(path),
        "prediction": str(decision.verdict),
        "confidence": "" if sure is None else f"{sure:.4f}",
        "log10_lr": "" if decision.log10_lr is None else f"{decision.log10_lr:.4f}",
        "sha256": result.input.sha256,
        "error": "",
    }


def _failed_row(path: Path, error: MediaError) -> dict[str, Any]:
    return {**dict.fromkeys(COLUMNS, ""), "filename": shown(path), "error": error.code}


def _failed_line(error: MediaError) -> dict[str, Any]:
    return {"error": error.code, "message": error.message}


def _drop_unfinished_line(path: Path) -> None:
    """What an interruption cut off in the middle is written again."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)


def _csv_names(path: Path) -> Iterable[str]:
    if path.exists():
        with path.open(newline="", encoding="utf-8") as stream:
            yield from (row["filename"] for row in csv.DictReader(stream) if row.get("filename"))


def _json_names(path: Path) -> Iterable[str]:
    if not path.exists():
        return
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            try:
                yield str(json.loads(line)["file"])
            except (ValueError, KeyError, TypeError) as error:
                raise ParameterError(
                    "output", f"Line {number} of {path} was not written by batch. Name a new file."
                ) from error


def _append_row(path: Path, row: dict[str, Any]) -> None:
    with path.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        if stream.tell() == 0:
            writer.writeheader()
        writer.writerow(row)


def _append_line(path: Path, line: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line, sort_keys=True, allow_nan=False) + "\n")
