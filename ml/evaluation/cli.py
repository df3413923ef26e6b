"""``python -m ml evaluate WHAT --data FOLDER``: reproduce the published figures;
``python -m ml evaluate cards`` writes them into the model cards."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from ml.errors import MlError
from ml.evaluation.cards import refresh
from ml.weights.registry import WeightRegistry

KINDS = ("audio", "image", "video", "sync")


def main(arguments: Sequence[str]) -> int:
    """Write ``docs/evaluation/WHAT.json`` and print its sets. Returns the exit status: 2 when
    weights or data cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m ml evaluate", description=__doc__)
    parser.add_argument("what", choices=(*KINDS, "cards"))
    parser.add_argument("--data", type=Path, help="folder of the data sets")
    parser.add_argument("--out", type=Path, default=Path("docs/evaluation"))
    parser.add_argument("--weights-dir", type=Path, default=None)
    options = parser.parse_args(arguments)
    if options.what == "cards":
        print("cards: " + ", ".join(refresh(WeightRegistry(options.weights_dir), Path())))
        return 0
    if options.data is None:
        parser.error(f"evaluate {options.what} needs --data FOLDER")
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
