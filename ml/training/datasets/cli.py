"""``python -m ml data list | check | prepare``: public sets in their own layouts."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ml.errors import MlError
from ml.training.datasets.catalogue import DATASETS, load, parse
from ml.training.datasets.prepare import MAKERS, Options, prepare
from ml.training.datasets.splits import with_splits


def main(arguments: Sequence[str]) -> int:
    """Run one command; 2 when a set cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m ml data", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="the sets that can be read, and where to ask for them")
    for name, words in (
        ("check", "read the protocols, look for every file, count"),
        ("prepare", "write the folder that 'python -m ml train --data' reads"),
    ):
        command = commands.add_parser(name, help=words)
        command.add_argument("datasets", nargs="+", metavar="NAME=FOLDER")
    command.add_argument("--what", choices=tuple(MAKERS), required=True)
    command.add_argument("--out", type=Path, required=True, help="the new data folder")
    command.add_argument("--frames", type=int, default=8, help="pictures of each video (8)")
    command.add_argument(
        "--limit", type=int, default=0, help="so many of each split, source and method (0: all)"
    )
    options = parser.parse_args(arguments)
    if options.command == "list":
        for name, dataset in DATASETS.items():
            print(f"{name:18} {dataset.title:26} {dataset.where}")
        return 0
    try:
        chosen = parse(options.datasets)
        if options.command == "check":
            for name, folder in chosen.items():
                check(name, folder)
            return 0
        made = prepare(chosen, options.what, options.out, Options(options.frames, options.limit))
    except MlError as error:
        print(f"data {options.command}: {error.message} [{error.code}]", file=sys.stderr)
        return 2
    print(f"{made} rows in {options.out / options.what / 'manifest.csv'}")
    return 0


def check(name: str, folder: Path) -> None:
    """Print how many recordings of each split and method there are. Raises DatasetError."""
    records = load(name, folder)
    own = "" if all(record.split for record in records) else " (70/15/15 by group: no own split)"
    groups = len({record.group for record in records})
    print(f"{DATASETS[name].title}: {len(records)} records in {groups} groups{own}")
    counts = Counter(
        (r.split, "fake" if r.fake else "real", r.method) for r in with_splits(records)
    )
    for (split, label, method), count in sorted(counts.items()):
        print(f"  {split:8} {label:5} {method or '–':24} {count:8}")
