"""``python -m ml evaluate WHAT --data FOLDER``: reproduce the published figures;
``python -m ml evaluate cards`` writes them into the model cards;
``python -m ml evaluate scores`` checks the metrics on scores whose answers are known."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from ml.errors import MlError
from ml.evaluation.cards import refresh
from ml.evaluation.reference_scores import check
from ml.weights.registry import WeightRegistry

KINDS = ("audio", "image", "video", "sync")


def _check_metrics(data: Path) -> int:
    """Print each measure beside its known answer; 1 when one differs, 2 without the data."""
    try:
        found = check(data)
    except FileNotFoundError as error:
        print(f"evaluate scores: {error}", file=sys.stderr)
        return 2
    for name, (value, expected, right) in found.items():
        print(f"{name:14} {value:.10f}  expected {expected:.10f}  {'right' if right else 'WRONG'}")
    return 0 if all(right for _, _, right in found.values()) else 1


def main(arguments: Sequence[str]) -> int:
    """Write ``docs/evaluation/WHAT.json`` and print its sets. Returns the exit status: 2 when
    weights or data cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m ml evaluate", description=__doc__)
    parser.add_argument("what", choices=(*KINDS, "scores", "cards"))
    parser.add_argument(
        "--data",
        type=Path,
        help="folder of the data sets (video: without it, from the stored scores)",
    )
    parser.add_argument("--out", type=Path, default=Path("docs/evaluation"))
    parser.add_argument("--weights-dir", type=Path, default=None)
    options = parser.parse_args(arguments)
    if options.what == "cards":
        print("cards: " + ", ".join(refresh(WeightRegistry(options.weights_dir), Path())))
        return 0
    if options.data is None and options.what != "video":
        parser.error(f"evaluate {options.what} needs --data FOLDER")
    if options.what == "scores":
        return _check_metrics(options.data)
    try:
        evaluate = import_module(f"ml.evaluation.{options.what}").evaluate
        report = evaluate(options.data, options.out, WeightRegistry(options.weights_dir))
    except (MlError, FileNotFoundError) as error:
        print(f"evaluate {options.what}: {error}", file=sys.stderr)
        return 2
    for name, weight in report["weights"].items():
        for figures in weight["sets"]:
            numbers = ", ".join(
                f"{key} {value:.3f}" if isinstance(value, float) else f"{key} {value}"
                for key, value in figures.items()
                if isinstance(value, int | float)
            )
            print(f"{name} · {figures['name']}: {numbers}")
    return 0
