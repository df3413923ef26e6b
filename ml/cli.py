"""``python -m ml detect | batch | stream | weights | evaluate | train | data``.

Exit status: 0 done, 1 some file could not be analysed or an output not be written, 2 wrong usage,
3 weights not usable.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ml.errors import CalibrationError, MediaError, MlError, ParameterError, WeightsError
from ml.memory import keep_freed_memory
from ml.parameters import STRATEGIES, Parameters

if TYPE_CHECKING:
    from ml.detector import DeepfakeDetector
    from ml.result import AnalysisOutcome

DONE, SOME_FAILED, WRONG_USAGE, NO_WEIGHTS = range(4)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the return value is the exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    keep_freed_memory()
    try:
        status = _run(given)
        print(end="", flush=True)
        return status
    except WeightsError as error:
        return _complain(error, NO_WEIGHTS)
    except (ParameterError, CalibrationError) as error:
        return _complain(error, WRONG_USAGE)
    except MlError as error:
        return _complain(error, SOME_FAILED)
    except BrokenPipeError:
        # Nobody reads on (``| head``). Python's own last flush must not meet the pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SOME_FAILED
    except OSError as error:
        print(f"dfd: {error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        return SOME_FAILED
    except RuntimeError as error:
        if type(error).__name__ != "OutOfMemoryError":
            raise
        print("dfd: the accelerator is full; use --device cpu or --max-frames", file=sys.stderr)
        return SOME_FAILED
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def _run(given: Sequence[str]) -> int:
    """Training, evaluation and data sets bring their own options and load torch only when
    called; the other commands are described here."""
    if given and given[0] in _WITH_OWN_OPTIONS:
        return _WITH_OWN_OPTIONS[given[0]][0](given[1:])
    options = _parser().parse_args(given)
    command: Callable[[argparse.Namespace], int] = options.command
    return command(options)


def _complain(error: MlError, status: int) -> int:
    print(f"dfd: {error.message} [{error.code}]", file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ml",
        description="Deepfake detection. 'python -m ml COMMAND --help' describes each command.",
        epilog="Exit status: 0 done, 1 some file could not be analysed or an output not be "
        "written, 2 wrong usage, 3 weights not usable.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    detect = commands.add_parser("detect", help="analyse files")
    detect.add_argument("files", nargs="+", type=Path, metavar="FILE")
    detect.add_argument("--json", action="store_true", help="print the whole result, one a line")
    detect.add_argument("--artefacts", type=Path, metavar="DIR", help="write pictures to DIR/FILE")
    _add_detector_options(detect)
    detect.set_defaults(command=_detect)
    for add in (_add_batch, _add_stream, _add_weights):
        add(commands)
    for name, (_, words) in _WITH_OWN_OPTIONS.items():
        commands.add_parser(name, help=words)
    return parser


def _add_detector_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--profile", default="standard", help="name or TOML file (standard)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda ... (auto)")
    parser.add_argument(
        "--dtype", choices=("float32", "bfloat16"), default="float32",
        help="of the networks' bodies; bfloat16 is faster and moves logits slightly (float32)",
    )  # fmt: skip
    parser.add_argument("--weights-dir", type=Path, help="folder with registry.toml")
    parser.add_argument("--fusion-strategy", choices=STRATEGIES)
    parser.add_argument("--threshold", type=float, help="probability for FAKE, 0.3 to 0.7")
    parser.add_argument("--prior", type=float, help="prior probability of FAKE, 0.001 to 0.999")
    parser.add_argument(
        "--audio-temperature", type=float, help="divides the evidence of the sound, 1 to 10"
    )
    parser.add_argument(
        "--frame-step", type=int,
        help="every k-th frame, 1 to 15, in profiles that sample by step (system1)",
    )  # fmt: skip
    parser.add_argument("--max-frames", type=int, help="8 to 500")


def _parameters(options: argparse.Namespace) -> Parameters:
    names = Parameters.__dataclass_fields__
    return Parameters.from_dict({name: getattr(options, name) for name in names})


def _detector(options: argparse.Namespace) -> DeepfakeDetector:
    from ml.detector import DeepfakeDetector

    return DeepfakeDetector(
        options.device, options.profile, options.weights_dir, dtype=options.dtype
    )


def _detect(options: argparse.Namespace) -> int:
    parameters = _parameters(options)
    if options.artefacts:
        options.artefacts.mkdir(parents=True, exist_ok=True)
    detector = _detector(options)
    status = DONE
    taken: set[str] = set()
    for path in options.files:
        try:
            outcome = detector.analyze(path, parameters=parameters)
        except MediaError as error:
            status = SOME_FAILED
            print(f"{path}: {error.message} [{error.code}]", file=sys.stderr)
            if options.json:
                refusal = {"file": str(path), "error": error.code, "message": error.message}
                print(json.dumps(refusal))
            continue
        if options.json:
            print(outcome.result.to_json())
        else:
            print(_summary(path, outcome))
        if options.artefacts:
            write_artefacts(outcome, options.artefacts / _free_name(path.name, taken))
    return status


def _free_name(name: str, taken: set[str]) -> str:
    """``name``, or for the second file of that name ``name-2`` and so on."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    taken.add(free)
    return free


def write_artefacts(outcome: AnalysisOutcome, folder: Path) -> None:
    """Write every derived file under its own name."""
    folder.mkdir(parents=True, exist_ok=True)
    for artefact in outcome.artefacts:
        (folder / artefact.facts.name).write_bytes(artefact.content)


def _summary(path: Path, outcome: AnalysisOutcome) -> str:
    result = outcome.result
    decision = result.decision
    head = f"{path}: {decision.verdict}"
    if decision.log10_lr is not None and decision.probability is not None:
        head += (
            f"  log10 LR {decision.log10_lr:+.2f}  probability {decision.probability:.3f} "
            f"(prior {decision.prior:g})"
        )
    lines = [head]
    for branch in result.branches:
        score = "" if branch.logit is None else f"  logit {branch.logit:+.3f}"
        score += "" if branch.llr is None else f"  ln LR {branch.llr:+.3f}"
        lines.append(f"  {branch.title}: {branch.status}{score}  {branch.reason}".rstrip())
    lines += [f"  - {sentence}" for sentence in result.sentences]
    return "\n".join(lines)


def _add_batch(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from ml import batch

    parser = commands.add_parser(
        "batch",
        help="analyse a folder; goes on where it stopped",
        description="Analyse every file below a folder. What the outputs already name is not "
        "analysed again, be it under other options: name new outputs for those.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--csv", type=Path, help="filename,prediction,confidence ...")
    parser.add_argument("--json", type=Path, help="whole results, one a line")
    parser.add_argument("--file-ext", help="only files with this ending, for example .mp4")
    _add_detector_options(parser)

    def run(options: argparse.Namespace) -> int:
        parameters = _parameters(options)
        targets = batch.Targets(options.csv, options.json)
        files = batch.find_files(options.folder, options.file_ext, targets)
        targets.check()
        failed = batch.run_batch(_detector(options), files, targets, parameters)
        return SOME_FAILED if failed else DONE

    parser.set_defaults(command=run)


def _add_stream(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("stream", help="rolling verdict on a webcam, file or RTSP address")
    parser.add_argument("source", help="webcam number, file or rtsp:// address")
    parser.add_argument("--window", type=float, default=4.0, help="seconds per verdict (4)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    _add_detector_options(parser)

    def run(options: argparse.Namespace) -> int:
        for verdict in _detector(options).stream(
            options.source, window_s=options.window, parameters=_parameters(options)
        ):
            print(verdict.to_json() if options.json else verdict.line(), flush=True)
        return DONE

    parser.set_defaults(command=run)


def _add_weights(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from ml.weights import cli

    cli.add(commands)


def _train(rest: Sequence[str]) -> int:
    from ml.training.cli import main as train

    return train(rest)


def _evaluate(rest: Sequence[str]) -> int:
    from ml.evaluation.cli import main as evaluate

    return evaluate(rest)


def _data(rest: Sequence[str]) -> int:
    from ml.training.datasets.cli import main as data

    return data(rest)


_WITH_OWN_OPTIONS: dict[str, tuple[Callable[[Sequence[str]], int], str]] = {
    "train": (_train, "train a branch or the fusion"),
    "evaluate": (_evaluate, "measure error rates"),
    "data": (_data, "public data sets in their layouts"),
}
