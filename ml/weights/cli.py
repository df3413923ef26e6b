"""``python -m ml weights list | verify | import | fetch``."""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import urllib.request
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

from ml.errors import MlError, WeightsCode, WeightsError
from ml.weights.registry import WeightRegistry

_LIMIT = 2 << 30


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the ``weights`` command and its four actions."""
    parser = commands.add_parser("weights", help="list, verify, import or fetch weights")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, run, words in (
        ("list", _list, "every branch, and whether its weights are ready"),
        ("verify", _verify, "hash and load every registered weight"),
        ("import", _import, "put a file in the place of a registered weight"),
        ("fetch", _fetch, "download a registered weight"),
    ):
        action = actions.add_parser(name, help=words)
        action.add_argument("--weights-dir", type=Path, help="folder with registry.toml")
        if name in ("import", "fetch"):
            action.add_argument("name", help="registry name")
        if name == "import":
            action.add_argument("file", type=Path)
        if name == "fetch":
            action.add_argument("--from", dest="address", required=True, help="https:// address")
        action.set_defaults(command=run)


def _list(options: argparse.Namespace) -> int:
    from ml.branches.registry import NAMES, create_branch

    registry = WeightRegistry(options.weights_dir)
    for name in NAMES:
        branch = create_branch(name)
        print(f"{name:16} {_readiness(registry, branch.weights):28} {branch.title}")
    return 0


def _readiness(registry: WeightRegistry, weights: str) -> str:
    if not weights:
        return "ready (needs no weights)"
    if weights not in registry.names():
        return "no trained weights"
    try:
        registry.content(weights)
    except WeightsError as error:
        return error.code
    return f"ready, {registry.entry(weights).dtype}"


def _verify(options: argparse.Namespace) -> int:
    """Every registered file is hashed, and every branch loads its own on the processor."""
    import torch

    from ml.branches.registry import NAMES, create_branch

    registry = WeightRegistry(options.weights_dir)
    failed = 0
    for name in registry.names():
        failed += _report(f"{name}: SHA-256", lambda name=name: registry.content(name))
    for name in NAMES:
        branch = create_branch(name)
        if branch.weights in registry.names():
            failed += _report(
                f"{name}: loads", lambda branch=branch: branch.load(registry, torch.device("cpu"))
            )
    return 3 if failed else 0


def _report(what: str, check: object) -> int:
    try:
        check()  # type: ignore[operator]
    except MlError as error:
        print(f"{what}: {error.message} [{error.code}]", file=sys.stderr)
        return 1
    print(f"{what}: right")
    return 0


def _import(options: argparse.Namespace) -> int:
    """Copy a file to its registered place after checking that it is the registered one."""
    registry = WeightRegistry(options.weights_dir)
    try:
        content = options.file.read_bytes()
    except OSError as error:
        raise WeightsError(
            WeightsCode.MISSING, f"{options.file} cannot be read: {error.strerror}."
        ) from error
    _place(registry, options.name, content)
    return 0


def _fetch(options: argparse.Namespace) -> int:
    """Download over HTTPS; the registered hash decides whether the file is kept."""
    registry = WeightRegistry(options.weights_dir)
    registry.entry(options.name)
    if not options.address.startswith("https://"):
        raise WeightsError(WeightsCode.MISSING, "Weights are fetched from https:// addresses only.")
    try:
        with urllib.request.urlopen(options.address, timeout=60) as answer:  # noqa: S310
            content = answer.read(_LIMIT)
    except (OSError, HTTPException, ValueError) as error:
        raise WeightsError(
            WeightsCode.MISSING, f"{options.address} cannot be fetched: {error}."
        ) from error
    _place(registry, options.name, content)
    return 0


def _place(registry: WeightRegistry, name: str, content: bytes) -> None:
    entry, target = registry.entry(name), registry.path(name)
    digest = hashlib.sha256(content).hexdigest()
    if digest != entry.sha256:
        raise WeightsError(
            WeightsCode.HASH_MISMATCH,
            f"The file's SHA-256 is {digest}, the registry says {entry.sha256} for '{name}'. "
            "It was not stored.",
        )
    part = target.with_suffix(".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        shutil.move(part, target)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise WeightsError(
            WeightsCode.MISSING, f"{target} cannot be written: {error.strerror}."
        ) from error
    print(f"{name}: stored as {target}")
