"""``python -m ml.inference``: the options and answers of an earlier system's inference script.

``--model_path`` is a folder with registry.toml (the shipped weights by default); the network is
ResNeXt-LSTM on 16 frames (profile system3). An answer is (is_fake, confidence, details), with None
for both where the finding is inconclusive.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ml import detector as sdk
from ml.answers import confidence
from ml.errors import MediaError, MlError, ParameterError, WeightsError
from ml.result import AnalysisResult, Verdict

PROFILE = "system3"
Prediction = tuple[bool | None, float | None, dict[str, Any]]


class DeepfakeDetector:
    """Loads the profile's networks once."""

    def __init__(
        self,
        model_path: Path | str | None = None,
        device: str = "auto",
        profile: str | Path = PROFILE,
    ) -> None:
        self.detector = sdk.DeepfakeDetector(device, profile, model_path)

    def predict_video(self, path: Path | str) -> Prediction:
        """(is_fake, confidence 0 to 1, details) of one video. Raises MediaError."""
        return prediction(self.detector.analyze(path).result)

    def batch_predict(self, paths: Sequence[Path | str]) -> list[Prediction]:
        """As ``predict_video`` for each; a file that cannot be analysed has its error in the
        details."""
        answers: list[Prediction] = []
        for path in paths:
            try:
                answers.append(self.predict_video(path))
            except MediaError as error:
                answers.append((None, None, {"error": error.code, "message": error.message}))
        return answers


def prediction(result: AnalysisResult) -> Prediction:
    """A finding as (is_fake, confidence, details)."""
    verdict = result.decision.verdict
    details = {
        "verdict": str(verdict),
        "fake_probability": result.decision.probability,
        "log10_lr": result.decision.log10_lr,
        "reason": result.decision.reason,
        "frames": len({face.frame for face in result.faces}),
        "sha256": result.input.sha256,
    }
    is_fake = None if verdict is Verdict.INCONCLUSIVE else verdict is Verdict.FAKE
    return is_fake, confidence(result), details


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 some file could not be analysed or the output not be written, 2 wrong
    usage, 3 weights not usable."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except MlError as error:
        print(f"{error.message} [{error.code}]", file=sys.stderr)
        return {WeightsError: 3, ParameterError: 2}.get(type(error), 1)
    except OSError as error:
        print(f"{error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int:
    if not 0.0 <= options.confidence_threshold <= 1.0:
        raise ParameterError("confidence_threshold", "--confidence_threshold lies from 0 to 1.")
    if options.output_file:
        options.output_file.open("ab").close()
    detector = DeepfakeDetector(options.model_path, options.device, options.profile)
    if options.realtime is not None:
        for verdict in detector.detector.stream(options.realtime):
            print(verdict.line(), flush=True)
        return 0
    paths = [options.video_path] if options.video_path else options.batch_paths
    answers = dict(zip(paths, detector.batch_predict(paths), strict=True))
    lines = {
        path: _described(answer, options.confidence_threshold) for path, answer in answers.items()
    }
    text = json.dumps(lines, indent=1)
    if options.output_file:
        options.output_file.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)
    return 1 if any("error" in details for _, _, details in answers.values()) else 0


def _described(answer: Prediction, threshold: float) -> dict[str, Any]:
    is_fake, sure, details = answer
    return {
        "is_fake": is_fake,
        "confidence": sure,
        "confident": sure is not None and sure >= threshold,
        **details,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml.inference", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--video_path")
    what.add_argument("--batch_paths", nargs="+")
    what.add_argument(
        "--realtime", nargs="?", const="0", metavar="SOURCE", help="webcam number or rtsp:// (0)"
    )
    parser.add_argument("--model_path", type=Path, help="folder with registry.toml")
    parser.add_argument("--profile", default=PROFILE, help=f"name or TOML file ({PROFILE})")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--confidence_threshold", type=float, default=0.5)
    parser.add_argument("--output_file", type=Path, help="JSON file, instead of printing")
    return parser


if __name__ == "__main__":
    sys.exit(main())
