"""The front door: ``DeepfakeDetector`` loads the branches once and analyses files."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ml import answers
from ml.branches.base import BranchOutput
from ml.branches.precision import dtype_name, named_dtype
from ml.errors import MediaCode, MediaError, ParameterError
from ml.explain.overview import overview_artefacts
from ml.explain.segments import branch_segments
from ml.explain.sentences import sentences
from ml.fusion.decision import decide
from ml.media.decoded import Decoded
from ml.media.live import live_windows
from ml.media.live_sandbox import LiveWindow
from ml.media.prepare import Preparer
from ml.media.prepared import PreparedMedia
from ml.parameters import Parameters
from ml.pool import BranchPool, LoadedBranch, require_ready
from ml.profiles.profile import Profile, load_profile
from ml.provenance import provenance
from ml.result import (
    AnalysisOutcome,
    AnalysisResult,
    ArtefactFacts,
    BranchResult,
    BranchStatus,
    DerivedArtefact,
    FaceFacts,
    InputFacts,
    MediaFacts,
    MediaKind,
)
from ml.stream import RollingVerdict, VerdictRoll
from ml.threads import one_at_a_time

Progress = Callable[[str, float], None]
EXTRACTING = "Extracting frames"
RUNNING = "Running models"
DECIDING = "Final classification"
SEED = 20260101

logger = logging.getLogger(__name__)


def pick_device(device: str) -> torch.device:
    """ "auto" is CUDA when there is one, else the processor. Raises ``ParameterError(device)`` for
    a device that is not there."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen).item()
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ParameterError(
            "device",
            f"The device '{device}' cannot be used here ({str(error).splitlines()[0]}). "
            "Choose auto, cpu or cuda.",
        ) from error
    return chosen


class DeepfakeDetector:
    """Analyse recordings with one profile.

    ``dtype`` "bfloat16" runs the bodies of some networks in half the bits: faster where the
    processor knows it, each logit within ``precision.TOLERANCE`` of float32. ``pool`` shares
    loaded branches between detectors of different profiles; it decides device, weights and
    dtype then. It may be called from several threads: files are decoded side by side, the networks
    run on one at a time. A fork of the process may go on using it, on one processor thread.
    Raises ``WeightsError`` when a registered weight cannot be used, and ``ParameterError`` for an
    unknown profile, device or dtype.
    """

    def __init__(
        self,
        device: str = "auto",
        profile: str | Path = "standard",
        weights_dir: Path | str | None = None,
        *,
        dtype: str = "float32",
        pool: BranchPool | None = None,
    ) -> None:
        self.profile: Profile = load_profile(profile)
        self.pool = pool or BranchPool(pick_device(device), weights_dir, named_dtype(dtype))
        self.device = self.pool.device
        _make_repeatable()
        self.branches = [self.pool.get(name) for name in self.profile.branches]
        require_ready(self.branches, self.profile.name)
        self._preparer = Preparer(
            self.device,
            self.profile.face_detector,
            self.profile.detect_every,
            self.profile.min_face,
        )

    def analyze(
        self,
        path: Path | str,
        *,
        parameters: Parameters | None = None,
        on_progress: Progress | None = None,
    ) -> AnalysisOutcome:
        """The finding on one file and its derived files.

        ``on_progress(stage, fraction)`` is called with fraction 0 to 1 of the whole. Raises
        ``MediaError`` when the file cannot be analysed, ``torch.OutOfMemoryError`` when the
        accelerator is full; the detector stays usable.
        """
        parameters = parameters or Parameters()
        progress = on_progress or _no_progress
        timings: dict[str, float] = {}
        progress(EXTRACTING, 0.0)
        started = time.perf_counter()
        with _timed(timings, "prepare"):
            media = self._preparer.prepare(Path(path), self.profile.plan(parameters))
        outputs = self._run_branches(media, progress, timings)
        progress(DECIDING, 0.9)
        timings["total"] = time.perf_counter() - started
        outcome = self._finding(media, outputs, parameters, timings)
        progress(DECIDING, 1.0)
        return outcome

    def detect_audio(self, audio_path: Path | str) -> dict[str, Any]:
        """``{prediction, confidence, model, processing_time, details}`` of a sound file. Raises
        ``MediaError(unsupported)`` for another kind of file."""
        return answers.detection(self._of_kind(audio_path, MediaKind.AUDIO))

    def detect_image(self, image_path: Path | str) -> dict[str, Any]:
        """As ``detect_audio`` for a still image, with faces and size."""
        return answers.detection(self._of_kind(image_path, MediaKind.IMAGE))

    def detect_video(self, video_path: Path | str) -> dict[str, Any]:
        """As ``detect_audio`` for a video, with frames and their consistency."""
        return answers.detection(self._of_kind(video_path, MediaKind.VIDEO))

    def detect_multimodal(
        self,
        audio_path: Path | str | None = None,
        image_path: Path | str | None = None,
        video_path: Path | str | None = None,
    ) -> dict[str, Any]:
        """One answer over any of an audio, an image and a video file (ValueError for none)."""
        given = {
            MediaKind.AUDIO: audio_path,
            MediaKind.IMAGE: image_path,
            MediaKind.VIDEO: video_path,
        }
        return answers.multimodal(
            {
                str(kind): self._of_kind(path, kind)
                for kind, path in given.items()
                if path is not None
            }
        )

    def batch(
        self, paths: Iterable[Path | str], parameters: Parameters | None = None
    ) -> Iterator[AnalysisResult | MediaError]:
        """The result of each file in turn, or the error of a file that cannot be analysed."""
        for path in paths:
            try:
                yield self.analyze(path, parameters=parameters).result
            except MediaError as error:
                yield error

    def stream(
        self, source: str, *, window_s: float = 4.0, parameters: Parameters | None = None
    ) -> Iterator[RollingVerdict]:
        """Rolling verdicts on a webcam number, file or rtsp:// address until it ends. A camera is
        decoded in this process: use it for cameras you trust."""
        parameters = parameters or Parameters()
        roll = VerdictRoll()
        frames = self.profile.plan(parameters).max_frames
        for window in live_windows(source, window_s, frames):
            media = self._preparer.prepare_decoded(
                Path(source), _live_facts(source), _live_decoded(window)
            )
            timings: dict[str, float] = {}
            outputs = self._run_branches(media, _no_progress, timings)
            outcome = self._finding(media, outputs, parameters, timings)
            yield roll.add(window.start, window.end, outcome.result)

    def _of_kind(self, path: Path | str, kind: MediaKind) -> AnalysisResult:
        result = self.analyze(path).result
        if result.input.kind is not kind:
            raise MediaError(
                MediaCode.UNSUPPORTED,
                f"{Path(path).name} is of kind {result.input.kind}; {kind} was asked for.",
            )
        return result

    def _run_branches(
        self, media: PreparedMedia, progress: Progress, timings: dict[str, float]
    ) -> list[BranchOutput]:
        outputs = []
        for place, loaded in enumerate(self.branches):
            progress(RUNNING, 0.3 + 0.6 * place / len(self.branches))
            with one_at_a_time(), _timed(timings, loaded.name):
                outputs.append(_run(loaded, media))
        return outputs

    def _finding(
        self,
        media: PreparedMedia,
        outputs: list[BranchOutput],
        parameters: Parameters,
        timings: dict[str, float],
    ) -> AnalysisOutcome:
        results = [
            _branch_result(loaded, output, media.input.kind)
            for loaded, output in zip(self.branches, outputs, strict=True)
        ]
        decision = decide(results, self.profile.rule(parameters), self.pool.heads)
        segments = tuple(segment for result in results for segment in branch_segments(result))
        artefacts = (
            *overview_artefacts(media),
            *(artefact for output in outputs for artefact in output.artefacts),
        )
        result = AnalysisResult(
            input=media.input,
            media=media.facts,
            quality=media.gates,
            faces=_face_facts(media, outputs),
            branches=tuple(results),
            decision=decision,
            segments=segments,
            sentences=sentences(results, decision, segments, media.gates),
            transforms=media.transforms,
            artefacts=_facts(artefacts),
            provenance=provenance(
                self.profile, parameters, self.device, SEED, timings, dtype_name(self.pool.dtype)
            ),
        )
        return AnalysisOutcome(result=result, artefacts=artefacts)


def _live_facts(source: str) -> InputFacts:
    """A running source has no bytes to hash; its name stands for it."""
    digest = hashlib.sha256(source.encode())
    return InputFacts(source, 0, digest.hexdigest(), "", MediaKind.VIDEO)


def _live_decoded(window: LiveWindow) -> Decoded:
    length = window.end - window.start
    seen, heard = bool(window.frames), window.waveform is not None
    frames = tuple(replace(frame, t=frame.t - window.start) for frame in window.frames)
    return Decoded(
        kind=MediaKind.VIDEO if seen or not heard else MediaKind.AUDIO,
        facts=MediaFacts(container="live source", duration_s=length),
        frames=frames,
        waveform=window.waveform,
        transforms=("live source, one window",),
    )


def _run(loaded: LoadedBranch, media: PreparedMedia) -> BranchOutput:
    """One branch on one recording. A failure of one branch never takes the others with it."""
    if loaded.branch is None:
        return BranchOutput(status=BranchStatus.NO_WEIGHTS, reason=loaded.reason)
    if reason := media.blocked(loaded.name):
        return BranchOutput(status=BranchStatus.OUT_OF_DOMAIN, reason=reason)
    torch.manual_seed(SEED)
    try:
        return loaded.branch.run(media)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:
        logger.exception("branch failed", extra={"branch": loaded.name})
        return BranchOutput(
            status=BranchStatus.FAILED, reason=f"The branch failed: {type(error).__name__}: {error}"
        )


def _branch_result(loaded: LoadedBranch, output: BranchOutput, kind: MediaKind) -> BranchResult:
    branch, calibrator = loaded.branch, loaded.calibrator_for(kind)
    result = BranchResult(
        name=loaded.name,
        version=branch.version if branch else "",
        title=loaded.title,
        modality=loaded.modality,
        status=output.status,
        reason=output.reason,
        logit=output.logit,
        weights=branch.weights if branch else "",
        weights_sha256=loaded.weights_sha256,
        items=output.items,
        curves=output.curves,
        details=_details(loaded, output),
    )
    if output.status is not BranchStatus.SCORED or output.logit is None or not calibrator:
        return result
    score = calibrator.score(output.logit)
    llrs = calibrator.raw(np.array([item.logit for item in output.items]))
    return replace(
        result,
        llr=score.llr,
        llr_bounds=(calibrator.lower, calibrator.upper),
        llr_interval=score.interval,
        bound_reached=score.bound_reached,
        calibrator_sha256=calibrator.sha256,
        items=tuple(
            replace(item, llr=float(llr)) for item, llr in zip(output.items, llrs, strict=True)
        ),
    )


def _details(loaded: LoadedBranch, output: BranchOutput) -> dict[str, Any]:
    """The branch's own details, and the type of its body where that is reduced."""
    if loaded.dtype is torch.float32:
        return output.details
    return {**output.details, "body_dtype": dtype_name(loaded.dtype)}


def _face_facts(media: PreparedMedia, outputs: list[BranchOutput]) -> tuple[FaceFacts, ...]:
    logits: dict[tuple[int, int], float] = {}
    for output in outputs:
        for key, value in output.face_logits.items():
            logits.setdefault(key, value)
    return tuple(
        FaceFacts(
            track=face.track,
            frame=face.frame,
            t=face.t,
            box=face.box,
            confidence=face.confidence,
            size_px=face.quality.size_px,
            blur=face.quality.blur,
            yaw=face.quality.yaw,
            logit=logits.get((face.frame, face.track)),
        )
        for face in media.faces
    )


def _facts(artefacts: tuple[DerivedArtefact, ...]) -> tuple[ArtefactFacts, ...]:
    return tuple(artefact.facts for artefact in artefacts)


def _make_repeatable() -> None:
    """Full float32 products and deterministic kernels on accelerators."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False


def _no_progress(stage: str, fraction: float) -> None:
    """Nobody is watching."""


@contextmanager
def _timed(timings: dict[str, float], step: str) -> Iterator[None]:
    start = time.perf_counter()
    try:
        yield
    finally:
        timings[step] = time.perf_counter() - start
