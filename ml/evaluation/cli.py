"""``python -m ml evaluate WHAT``: measure the shipped detectors.

``all --data FOLDER`` scores every set that the shipped networks can be judged on and makes reports,
tables, pictures, the page in ``docs/evaluation`` and the model cards. Sets named leave-source-out
need networks trained without a source: their scores are those that the trainings left, taken in by
``--folds`` and read again from ``*_folds.csv`` in ``--out``. ``audio``, ``image``, ``video`` and
``sync`` do one of them. Scores are kept in a cache, so a stopped run goes on where it was and only
what changed is scored again; ``--from-scores`` runs no network at all. ``dataset`` measures on a
public set in its own layout; ``scores`` checks the metrics on scores whose answers are known;
``cards`` writes the figures into the model cards.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ml.errors import MlError
from ml.evaluation import dataset, run, summary, sync
from ml.evaluation.cards import refresh
from ml.evaluation.reference_scores import check
from ml.evaluation.store import ScoreStore, default_path
from ml.training.datasets.catalogue import parse
from ml.weights.registry import WeightRegistry

KINDS = ("audio", "image", "video", "sync")
PUBLISHED = Path("docs/evaluation")
OWN = Path("var/evaluation")


def main(arguments: Sequence[str]) -> int:
    """Run one evaluation and print its sets. Returns the exit status: 2 when weights or data
    cannot be used, 1 when a metric gives a wrong answer."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.what == "cards":
        return _cards(WeightRegistry(options.weights_dir))
    if options.what == "dataset" and not options.dataset:
        parser.error("evaluate dataset needs --dataset NAME=FOLDER")
    if options.what != "dataset" and options.data is None and not options.from_scores:
        parser.error(f"evaluate {options.what} needs --data FOLDER, or --from-scores")
    if options.folds and options.what not in run.SCORERS:
        parser.error("--folds goes with audio, image or video")
    if options.limit and options.out == PUBLISHED and options.what != "dataset":
        parser.error("--limit is a trial: name another folder with --out")
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        if options.what == "scores":
            return _check_metrics(options.data)
        return _evaluate(options)
    except (MlError, FileNotFoundError) as error:
        print(f"evaluate {options.what}: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ml evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=("all", *KINDS, "dataset", "scores", "cards"))
    parser.add_argument("--data", type=Path, help="folder with audio/, images/ and videos/")
    parser.add_argument(
        "--from-scores", action="store_true", help="from the scores in --out, without networks"
    )
    parser.add_argument("--out", type=Path, default=PUBLISHED)
    parser.add_argument("--weights-dir", type=Path, help="folder with registry.toml")
    parser.add_argument(
        "--folds", nargs="+", default=[], metavar="BRANCH=FILE",
        help="scores.csv of trainings that left sources out; kept as leave-source-out scores",
    )  # fmt: skip
    parser.add_argument(
        "--dataset", action="append", default=[], metavar="NAME=FOLDER",
        help="a public set in its own layout ('python -m ml data list' names them)",
    )  # fmt: skip
    parser.add_argument("--split", default="", help="dataset: only this split (all)")
    parser.add_argument("--limit", type=int, default=0, help="so many of each class, for a trial")
    parser.add_argument("--cache", type=Path, default=default_path(), help="file of known scores")
    parser.add_argument("--fresh", action="store_true", help="score again what the cache knows")
    parser.add_argument("--threads", type=int, default=0, help="threads of torch (its own choice)")
    return parser


def _evaluate(options: argparse.Namespace) -> int:
    """Measure what was asked for and print it."""
    registry = WeightRegistry(options.weights_dir)
    store = ScoreStore(options.cache, fresh=options.fresh)
    if options.what == "dataset":
        return _datasets(options, registry, store)
    data = None if options.from_scores else options.data
    for what in KINDS if options.what == "all" else (options.what,):
        if what == "sync":
            _show(sync.evaluate(data, options.out, registry, store, options.limit))
            continue
        run.take_folds(what, _folds(options.folds), options.out)
        _show(run.evaluate(what, data, options.out, registry, store, options.limit))
    summary.write(options.out)
    if options.out == PUBLISHED:
        _cards(registry)
    return 0


def _datasets(options: argparse.Namespace, registry: WeightRegistry, store: ScoreStore) -> int:
    """Measure on public sets, beside what is published."""
    out = OWN if options.out == PUBLISHED else options.out
    for name, root in parse(options.dataset).items():
        report = dataset.evaluate(
            name, root, out, registry, store, split=options.split, limit=options.limit
        )
        _show(report)
        if not report["weights"]:
            print(f"{name}: no branch scored both classes; the scores are in {out}")
    return 0


def _folds(given: Sequence[str]) -> dict[str, list[Path]]:
    """Files by branch."""
    files: dict[str, list[Path]] = {}
    for item in given:
        branch, _, file = item.partition("=")
        files.setdefault(branch, []).append(Path(file))
    return files


def _cards(registry: WeightRegistry) -> int:
    print("cards: " + ", ".join(refresh(registry, Path())))
    return 0


def _check_metrics(data: Path) -> int:
    """Print each measure beside its known answer; 1 when one differs."""
    found = check(data)
    for name, (value, expected, right) in found.items():
        print(f"{name:14} {value:.10f}  expected {expected:.10f}  {'right' if right else 'WRONG'}")
    return 0 if all(right for _, _, right in found.values()) else 1


def _show(report: dict[str, Any]) -> None:
    for name, weight in report["weights"].items():
        for figures in weight["sets"]:
            numbers = ", ".join(
                f"{key} {value:.3f}" if isinstance(value, float) else f"{key} {value}"
                for key, value in figures.items()
                if isinstance(value, int | float)
            )
            print(f"{name} · {figures['name']}: {numbers}")
