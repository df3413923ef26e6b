"""One attempt at one analysis, from the stored evidence to the stored finding or its failure."""

from __future__ import annotations

import time
from pathlib import Path

import structlog
from django.conf import settings

from accounts.actors import worker_actor
from cases.errors import CasesError
from cases.hashing import hash_file
from cases.models import Exhibit
from cases.services import verify_exhibit
from cases.storage import evidence_store
from detection import services
from detection.engine import resident
from detection.environment import describe
from detection.errors import AnalysisFailed, AnalysisSuperseded, DetectionError
from detection.interruption import Interruptible, Interruption, Pulse, Reason
from detection.models import Analysis, Stage
from ml.errors import MlError
from ml.result import AnalysisOutcome

logger = structlog.get_logger(__name__)

# A progress write costs a transaction; more than two a second tell nobody anything.
PROGRESS_EVERY_S = 0.5


def execute(analysis: Analysis) -> None:
    """Run a claimed analysis to its end. Only a database that does not answer makes it raise."""
    try:
        outcome = _examine(analysis)
        services.store_result(analysis=analysis, outcome=outcome)
    except Interruption as interruption:
        _interrupted(analysis, interruption.reason)
    except SystemExit:
        # A second signal: no time to finish, but enough to give the job back.
        _hand_back(analysis)
        raise
    except AnalysisSuperseded as error:
        logger.info("analysis_superseded", reason=error.message)
    except (MlError, CasesError, DetectionError) as error:
        _fail(analysis, error.code, error.message)
    except MemoryError:
        _fail(
            analysis,
            "out_of_memory",
            "The worker ran out of memory. Analyse a shorter excerpt or give the worker more.",
        )
    except Exception as error:
        logger.exception("analysis_crashed")
        _fail(
            analysis,
            "internal",
            f"The analysis stopped on an unexpected error ({type(error).__name__}). The worker's "
            f"log names it under analysis {analysis.pk}; please report it.",
        )


def _examine(analysis: Analysis) -> AnalysisOutcome:
    limit = settings.DFD.analysis_timeout_s
    with Interruptible(limit) as block:

        def beat() -> None:
            try:
                services.record_heartbeat(analysis=analysis)
            except AnalysisSuperseded:
                block.interrupt(Reason.SUPERSEDED)
            block.check_time()

        with Pulse(settings.DFD.heartbeat_s, beat):
            path, sha256 = _verified(analysis)
            if settings.DFD.require_approved_weights:
                services.require_approved(resident().weights(analysis.profile))
            services.record_environment(
                analysis=analysis, evidence_sha256=sha256, environment=describe()
            )
            outcome = resident().analyze(
                path,
                profile=analysis.profile,
                parameters=analysis.parameters,
                on_progress=_Progress(analysis),
            )
    if outcome.result.input.sha256 != sha256:
        raise AnalysisFailed(
            "evidence_mismatch",
            "The stored file changed while it was analysed; the finding was thrown away. "
            "Verify the exhibit.",
        )
    return outcome


def _verified(analysis: Analysis) -> tuple[Path, str]:
    """Local path and SHA-256 of the evidence; a mismatch freezes the exhibit and fails the run."""
    exhibit = analysis.exhibit
    path = evidence_store().path(exhibit.storage_key)
    measured = hash_file(path).sha256
    if measured == exhibit.sha256:
        return path, measured
    verify_exhibit(actor=worker_actor(analysis.worker), exhibit=exhibit)
    raise _mismatch(exhibit, measured)


def _mismatch(exhibit: Exhibit, measured: str) -> AnalysisFailed:
    return AnalysisFailed(
        "evidence_mismatch",
        f"Exhibit {exhibit.label} no longer has the SHA-256 it was received with "
        f"({exhibit.sha256}); it now has {measured}. It was not analysed and is frozen until "
        "somebody has looked into it.",
    )


def _interrupted(analysis: Analysis, reason: Reason) -> None:
    logger.info("analysis_interrupted", reason=reason)
    if reason == Reason.STOPPING:
        _hand_back(analysis)
    elif reason == Reason.TIME_LIMIT:
        _fail(
            analysis,
            "timeout",
            f"The analysis took longer than {settings.DFD.analysis_timeout_s} s and was stopped. "
            "Analyse a shorter excerpt, or have DFD_ANALYSIS_TIMEOUT_S raised.",
        )


def _hand_back(analysis: Analysis) -> None:
    try:
        services.hand_back(analysis=analysis, reason="its worker was asked to stop")
    except AnalysisSuperseded as error:
        logger.info("analysis_superseded", reason=error.message)


def _fail(analysis: Analysis, code: str, message: str) -> None:
    logger.warning("analysis_failed", code=code, reason=message)
    try:
        services.fail_analysis(analysis=analysis, code=code, message=message)
    except AnalysisSuperseded as error:
        logger.info("analysis_superseded", reason=error.message)


class _Progress:
    """Writes what the detector reports, each stage at once and percents now and then."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._stage: str | None = None
        self._written = 0.0

    def __call__(self, stage: str, fraction: float) -> None:
        now = time.monotonic()
        if stage == self._stage and now - self._written < PROGRESS_EVERY_S:
            return
        self._stage, self._written = stage, now
        services.record_progress(
            analysis=self._analysis,
            stage=Stage(stage),
            percent=round(100 * min(max(fraction, 0.0), 1.0)),
        )
