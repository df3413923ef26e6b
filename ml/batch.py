"""Analyse many files; what is already in the output is not analysed again."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from ml.errors import MediaCode, MediaError
from ml.parameters import Parameters

if TYPE_CHECKING:
    from ml.detector import DeepfakeDetector
    from ml.result import AnalysisResult

COLUMNS = ("filename", "prediction", "confidence", "log10_lr", "sha256", "error")


@dataclass(frozen=True)
class Targets:
    """Output files; a row or line is written as soon as its file is done."""

    csv: Path | None = None
    json: Path | None = None


def find_files(folder: Path, ending: str | None = None) -> list[Path]:
    """Every file below ``folder``, sorted. Raises ``MediaError`` when there is no such folder."""
    if not folder.is_dir():
        raise MediaError(MediaCode.UNSUPPORTED, f"There is no folder {folder}.")
    wanted = ending.lower() if ending else ""
    return sorted(
        path for path in folder.rglob("*") if path.is_file() and path.name.lower().endswith(wanted)
    )


def run_batch(
    detector: DeepfakeDetector,
    files: Sequence[Path],
    targets: Targets,
    parameters: Parameters | None = None,
) -> int:
    """Analyse ``files`` that the targets do not hold yet; the number that failed."""
    for target in (targets.csv, targets.json):
        if target is not None and target.exists():
            _drop_unfinished_line(target)
    done = _done(targets)
    todo = [path for path in files if str(path) not in done]
    failed = 0
    for path in tqdm(todo, desc="files", initial=len(files) - len(todo), total=len(files)):
        try:
            result = detector.analyze(path, parameters=parameters).result
        except MediaError as error:
            failed += 1
            _write(targets, path, _failed_row(path, error), _failed_line(error))
        else:
            _write(targets, path, result_row(path, result), result.to_dict())
    return failed


def result_row(path: Path, result: AnalysisResult) -> dict[str, Any]:
    """One CSV row; ``confidence`` is the probability of the named side, empty for none."""
    decision = result.decision
    return {
        "filename": str(path),
        "prediction": str(decision.verdict),
        "confidence": confidence(decision.probability),
        "log10_lr": "" if decision.log10_lr is None else f"{decision.log10_lr:.4f}",
        "sha256": result.input.sha256,
        "error": "",
    }


def confidence(probability: float | None) -> str:
    """max(p, 1 - p) with four decimals."""
    return "" if probability is None else f"{max(probability, 1 - probability):.4f}"


def _failed_row(path: Path, error: MediaError) -> dict[str, Any]:
    return {**dict.fromkeys(COLUMNS, ""), "filename": str(path), "error": error.code}


def _failed_line(error: MediaError) -> dict[str, Any]:
    return {"error": error.code, "message": error.message}


def _done(targets: Targets) -> set[str]:
    """Files that every target already holds."""
    held: list[set[str]] = []
    if targets.csv is not None:
        held.append(set(_csv_names(targets.csv)))
    if targets.json is not None:
        held.append(set(_json_names(targets.json)))
    return set.intersection(*held) if held else set()


def _drop_unfinished_line(path: Path) -> None:
    """What an interruption cut off in the middle is written again."""
    content = path.read_bytes()
    path.write_bytes(content[: content.rfind(b"\n") + 1])


def _csv_names(path: Path) -> Iterable[str]:
    if path.exists():
        with path.open(newline="", encoding="utf-8") as stream:
            yield from (row["filename"] for row in csv.DictReader(stream) if row.get("filename"))


def _json_names(path: Path) -> Iterable[str]:
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)["file"]


def _write(targets: Targets, path: Path, row: dict[str, Any], line: dict[str, Any]) -> None:
    if targets.csv is not None and str(path) not in set(_csv_names(targets.csv)):
        fresh = not targets.csv.exists() or targets.csv.stat().st_size == 0
        with targets.csv.open("a", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            if fresh:
                writer.writeheader()
            writer.writerow(row)
    if targets.json is not None and str(path) not in set(_json_names(targets.json)):
        with targets.json.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"file": str(path), **line}, sort_keys=True) + "\n")
