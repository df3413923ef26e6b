"""``python -m ml train audio|image|video|sync|gate --config FILE --data FOLDER --out FOLDER``."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from ml.training.engine import EngineConfig, Task, Trainer, read_config, section


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options every training shares."""
    parser.add_argument("--config", type=Path, required=True, help="TOML file with the recipe")
    parser.add_argument("--data", type=Path, required=True, help="folder with the reference data")
    parser.add_argument("--out", type=Path, required=True, help="checkpoints, logs and weights")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")


def run(what: str, options: argparse.Namespace) -> None:
    """Train ``what`` to the end of its configuration, resuming what ``--out`` holds."""
    config = read_config(options.config)
    task = _task(what, config, options)
    figures = Trainer(
        task, section(EngineConfig, config["engine"]), options.out, torch.device(options.device)
    ).run()
    print(", ".join(f"{name} {value:.4f}" for name, value in figures.items()))


def _task(what: str, config: dict[str, dict[str, object]], options: argparse.Namespace) -> Task:
    if what == "audio":
        from ml.training.audio import AudioConfig, AudioTask

        return AudioTask(section(AudioConfig, config["audio"]), options.data)
    if what == "image":
        from ml.training.image import ImageConfig, ImageTask

        return ImageTask(section(ImageConfig, config["image"]), options.data, options.out.parent)
    raise ValueError(f"unknown training '{what}'")


if __name__ == "__main__":
    import sys

    _parser = argparse.ArgumentParser()
    _parser.add_argument("what")
    add_arguments(_parser)
    _options = _parser.parse_args(sys.argv[1:])
    run(_options.what, _options)
