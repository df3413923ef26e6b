"""``python -m ml train WHAT --config FILE --data FOLDER --out FOLDER``, and ``python -m ml train
WHAT --help`` for what is fitted to scores, averaged or shipped."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from ml.errors import MlError
from ml.training.engine import (
    ConfigError,
    EngineConfig,
    Task,
    Trainer,
    read_config,
    section,
    seed_everything,
)

Config = dict[str, dict[str, Any]]


def _image(config: Config, data: Path, cache: Path) -> Task:
    from ml.training.image import ImageConfig, ImageTask

    return ImageTask(section(ImageConfig, config["image"]), data, cache)


def _blending(config: Config, data: Path, cache: Path) -> Task:
    from ml.training.blending import BlendingConfig, BlendingTask

    return BlendingTask(section(BlendingConfig, config["blending"]), data, cache)


def _exit(config: Config, data: Path, cache: Path) -> Task:
    from ml.training.exit_flow import ExitConfig, ExitTask, StoreConfig, build_store

    if "store" in config:
        build_store(section(StoreConfig, config["store"]), data, cache / "store")
    return ExitTask(section(ExitConfig, config["exit"]), cache / "store")


def _distillation(config: Config, _: Path, cache: Path) -> Task:
    from ml.training.distillation import DistillationConfig, DistillationTask

    return DistillationTask(section(DistillationConfig, config["distillation"]), cache / "store")


def _video(config: Config, data: Path, cache: Path) -> Task:
    from ml.training.video import VideoConfig, VideoTask

    return VideoTask(section(VideoConfig, config["video"]), data, cache)


def _sync(config: Config, data: Path, cache: Path) -> Task:
    from ml.training.sync import SyncConfig, SyncTask

    return SyncTask(section(SyncConfig, config["sync"]), data, cache)


def _gate(config: Config, _: Path, cache: Path) -> Task:
    from ml.training.gate import GateConfig, GateTask

    return GateTask(section(GateConfig, config["gate"]), cache / "store")


def _audio(config: Config, data: Path, cache: Path) -> Task:
    from ml.training.audio import AudioConfig, AudioTask
    from ml.training.cepstra import CepstraTask

    chosen = section(AudioConfig, config["audio"])
    return CepstraTask(chosen, data, cache) if chosen.presentations else AudioTask(chosen, data)


TRAININGS: dict[str, tuple[Callable[[Config, Path, Path], Task], str]] = {
    "audio": (_audio, "a speech network"),
    "image": (_image, "Xception on face crops, end to end"),
    "blending": (_blending, "the middle flow that StatisticsXception reads, on blending"),
    "exit": (_exit, "Xception's exit flow on stored maps, and leave-source-out folds"),
    "distil": (_distillation, "ResNeXt50 from the trained Xception"),
    "video": (_video, "a network over time on what a frozen network reads in single frames"),
    "sync": (_sync, "lip synchrony"),
    "gate": (_gate, "Tiny-LaDeDa"),
}

# Which part of a data folder a training reads; the others read the store that "exit" left.
READS = {
    "audio": "audio",
    "image": "images",
    "blending": "images",
    "exit": "images",
    "video": "videos",
    "sync": "videos",
}


def main(arguments: Sequence[str]) -> int:
    """Train to the end of the configuration, resuming what ``--out`` holds. Returns the exit
    status: 2 for a configuration or data that cannot be used."""
    options = _parser().parse_args(arguments)
    run = {
        "calibration": calibrate,
        "fusion": fuse,
        "statistics": fit_heads,
        "readout": fit_readout,
        "average": average_networks,
        "ship": ship,
    }.get(options.what, train)
    try:
        figures = run(options)
    except (ConfigError, MlError, FileNotFoundError) as error:
        print(f"train {options.what}: {error}", file=sys.stderr)
        return 2
    print(", ".join(f"{name} {value:.4f}" for name, value in figures.items()))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml train", description=__doc__)
    commands = parser.add_subparsers(dest="what", required=True)
    for name, (_, words) in TRAININGS.items():
        _add_training(commands.add_parser(name, help=words), name)
    for name, words, part in (
        ("statistics", "the heads over Xception's middle flow", "images"),
        ("readout", "the last layer of a frozen speech network", "audio"),
    ):
        command = commands.add_parser(name, help=words)
        command.add_argument("--config", type=Path, required=True, help="TOML file, the recipe")
        command.add_argument("--data", type=Path, required=True, help=f"folder with {part}/")
        command.add_argument("--out", type=Path, required=True, help="weights, held-out scores")
    averaging = commands.add_parser("average", help="the mean of networks trained alike")
    averaging.add_argument("--weights", type=Path, nargs="+", required=True, metavar="FILE")
    averaging.add_argument("--out", type=Path, required=True, help="where the mean goes")
    shipping = commands.add_parser("ship", help="a trained network in the place of a shipped one")
    shipping.add_argument("--name", required=True, help="registry name")
    shipping.add_argument("--weights", type=Path, required=True, metavar="FILE")
    calibration = commands.add_parser("calibration", help="a branch's calibrator, from scores")
    calibration.add_argument("--branch", required=True)
    calibration.add_argument("--scores", type=Path, nargs="+", required=True)
    calibration.add_argument("--video", action="store_true", help="the scores are of videos")
    calibration.add_argument("--kind", choices=("platt", "platt_new_sources"), default="platt")
    fusion = commands.add_parser("fusion", help="the fusion heads, from scores of every branch")
    given = fusion.add_mutually_exclusive_group(required=True)
    given.add_argument("--config", type=Path, help="TOML file: calibrators to fit first, heads")
    given.add_argument("--scores", nargs="+", metavar="BRANCH=FILE")
    for command in (shipping, calibration, fusion):
        command.add_argument("--weights-dir", type=Path, help="folder with registry.toml")
    return parser


def _add_training(command: argparse.ArgumentParser, name: str) -> None:
    command.add_argument("--config", type=Path, required=True, help="TOML file, the recipe")
    if part := READS.get(name):
        condition = " (only where the recipe has a table [store])" if name == "exit" else ""
        command.add_argument("--data", type=Path, help=f"folder with {part}/{condition}")
        command.add_argument(
            "--dataset", action="append", default=[], metavar="NAME=FOLDER",
            help="instead of --data: a public set in its own layout, once or several times; "
            "also a table [datasets] of the configuration ('python -m ml data list')",
        )  # fmt: skip
    command.add_argument(
        "--out", type=Path, required=True,
        help="checkpoints, logs, weights; what was prepared once is kept in its parent",
    )  # fmt: skip
    command.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")


def calibrate(options: argparse.Namespace) -> dict[str, float]:
    """Fit and write the calibrator; its slope, offset and bounds (natural logarithm)."""
    from ml.fusion.calibration import CalibratorKind
    from ml.pool import FUSION_FILE
    from ml.training.calibration import fit
    from ml.weights.registry import WeightRegistry

    folder = (WeightRegistry(options.weights_dir).folder / FUSION_FILE).parent
    made = fit(
        options.branch, options.scores, folder, CalibratorKind(options.kind), video=options.video
    )
    return {"slope": made.scale, "offset": made.offset, "lower": made.lower, "upper": made.upper}


def fit_heads(options: argparse.Namespace) -> dict[str, float]:
    """Fit the heads over Xception's middle flow; the AUC of what was held out."""
    from ml.training.statistics import StatisticsConfig
    from ml.training.statistics import train as fit

    config = read_config(options.config)
    if "statistics" not in config:
        raise ConfigError(f"{options.config} has no table [statistics]")
    return fit(section(StatisticsConfig, config["statistics"]), options.data, options.out)


def fit_readout(options: argparse.Namespace) -> dict[str, float]:
    """Fit the last layer of a speech network; the equal error rate of what was held out."""
    from ml.training.audio import AudioConfig
    from ml.training.readout import ReadoutConfig
    from ml.training.readout import train as fit

    config = read_config(options.config)
    if missing := {"audio", "readout"} - config.keys():
        raise ConfigError(f"{options.config} has no tables {sorted(missing)}")
    readout, audio = (
        section(ReadoutConfig, config["readout"]),
        section(AudioConfig, config["audio"]),
    )
    return fit(readout, audio, options.data, options.out)


def average_networks(options: argparse.Namespace) -> dict[str, float]:
    """Write the mean of trained networks; how many, and of how many tensors."""
    from ml.training.averaging import average

    return average(options.weights, options.out)


def ship(options: argparse.Namespace) -> dict[str, float]:
    """Write and register the half precision file of a trained network; how many bytes it has."""
    from ml.training.shipping import ship_file
    from ml.weights.registry import WeightRegistry

    ship_file(options.name, options.weights, options.weights_dir)
    return {"bytes": WeightRegistry(options.weights_dir).path(options.name).stat().st_size}


def fuse(options: argparse.Namespace) -> dict[str, float]:
    """Fit and write the fusion heads beside the calibrators, which a recipe has fitted first; how
    many, and of how many sizes."""
    from ml.fusion.calibration import Calibrator
    from ml.pool import FUSION_FILE
    from ml.result import MediaKind
    from ml.training.calibration import fit_all
    from ml.training.fusion import fit
    from ml.weights.registry import WeightRegistry

    registry = WeightRegistry(options.weights_dir)
    heads = registry.folder / FUSION_FILE
    if options.config:
        recipe = read_config(options.config)
        if "heads" not in recipe:
            raise ConfigError(f"{options.config} has no table [heads]")
        scores = {name: [Path(file) for file in files] for name, files in recipe["heads"].items()}
        fit_all(recipe.get("calibrators", {}), heads.parent)
    else:
        scores = named_files(options.scores)
    calibrators = {}
    for branch in scores:
        # Sound and picture meet in videos only.
        if not (file := registry.entry(branch).calibration_for(MediaKind.VIDEO)):
            raise ConfigError(f"'{branch}' has no calibrator yet: python -m ml train calibration")
        calibrators[branch] = Calibrator.load(registry.folder / file)
    made = fit(scores, calibrators, heads)
    return {"heads": len(made.heads), "joint": len(made.joint)}


def named_files(items: Sequence[str]) -> dict[str, list[Path]]:
    """The files of each branch of ``--scores BRANCH=FILE ...``. Raises ConfigError."""
    files: dict[str, list[Path]] = {}
    for item in items:
        branch, _, file = item.partition("=")
        if not file:
            raise ConfigError(f"--scores takes BRANCH=FILE, not '{item}'")
        files.setdefault(branch, []).append(Path(file))
    return files


def train(options: argparse.Namespace) -> dict[str, float]:
    """Build the task and run the engine; the figures of the last judgement."""
    config = read_config(options.config)
    if "engine" not in config:
        raise ConfigError(f"{options.config} has no table [engine]")
    engine = section(EngineConfig, config["engine"])
    data = source(options, config)
    # Before the network is built, so that its first weights depend on the seed alone.
    seed_everything(engine.seed)
    try:
        task = TRAININGS[options.what][0](config, data, options.out.parent)
    except KeyError as error:
        raise ConfigError(f"{options.config} has no table {error}") from error
    return Trainer(task, engine, options.out, torch.device(options.device)).run()


def source(options: argparse.Namespace, config: Config) -> Path:
    """The folder that the training reads, made of public sets if need be; no path where it reads
    what an earlier training stored. Raises ConfigError, DatasetError."""
    stored = options.what == "exit" and "store" not in config
    if stored or options.what not in READS:
        return Path()
    return options.data or prepared(options, config)


def prepared(options: argparse.Namespace, config: Config) -> Path:
    """The folder made of the public sets that the command or the configuration names; the
    command's win. ``[datasets]`` maps names to folders; frames and limit are those of
    ``python -m ml data prepare``. Raises ConfigError when no set is named, DatasetError."""
    from ml.training.datasets.catalogue import parse
    from ml.training.datasets.prepare import Options, prepare

    named = dict(config.get("datasets", {}))
    limits = Options(int(named.pop("frames", 8)), int(named.pop("limit", 0)))
    chosen = parse(options.dataset or [f"{name}={folder}" for name, folder in named.items()])
    if not chosen:
        raise ConfigError("name a folder with --data or a public set with --dataset NAME=FOLDER")
    folder: Path = options.out.parent / "datasets"
    prepare(chosen, READS[options.what], folder, limits)
    return folder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
