"""From an uploaded file to a finished analysis in one request: evidence, submission, waiting."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import connection
from rest_framework.request import Request

from accounts.actors import Actor
from accounts.api.problems import Problem
from cases import selectors as cases_selectors
from cases import services as cases_services
from cases.errors import EvidenceRefused, RefusalCode
from cases.models import Case
from detection import selectors, services
from detection.models import Analysis
from ml.result import AnalysisResult

WAIT = re.compile(r"\bwait=(\d+)")
POLL_S = 0.25
# What earlier systems answered to a file that is no picture, sound or video.
BAD_FORMAT_STATUS = 400
MEDIA_CODES = {
    "empty", "unsupported", "corrupt", "truncated", "too_long", "no_streams", "decoder_crashed",
}  # fmt: skip
UNAVAILABLE_CODES = {"out_of_memory", "worker_lost", "timeout", "missing", "key_mismatch"}


def case_of(request: Request, actor: Actor) -> Case:
    """The key's case, or the one that the field ``case`` names by id or number.

    Raises Problem 422 when neither does, Case.DoesNotExist for a foreign one.
    """
    sent = request.data if isinstance(request.data, dict) else {}
    named = str(sent.get("case") or request.query_params.get("case") or "")
    if not named and actor.api_key is not None and actor.api_key.case_id is not None:
        return cases_selectors.get_case_by_id(actor, actor.api_key.case_id)
    if not named:
        raise Problem(
            422,
            "case",
            "Use a key that is bound to a case, or send the field 'case' (id or number).",
        )
    try:
        return cases_selectors.get_case_by_id(actor, uuid.UUID(named))
    except ValueError:
        return cases_selectors.get_case(actor, named)


def uploaded(request: Request, name: str) -> UploadedFile[Any]:
    """The file in the field ``name``. Raises Problem 422 when it is missing."""
    file: UploadedFile[Any] | None = request.FILES.get(name)
    if file is None:
        raise Problem(422, "file_missing", f"Send the recording in the multipart field '{name}'.")
    return file


def submit(actor: Actor, case: Case, file: UploadedFile[Any], kind: str = "") -> Analysis:
    """Take ``file``, of that ``kind`` if one is named, into evidence and queue its analysis."""
    try:
        exhibit = cases_services.receive_evidence(
            actor=actor,
            case=case,
            stream=file.chunks(),
            filename=file.name or "upload",
            kind=kind,
        )
    except EvidenceRefused as refusal:
        if refusal.code == RefusalCode.UNSUPPORTED_TYPE:
            raise Problem(BAD_FORMAT_STATUS, str(refusal.code), refusal.message) from refusal
        raise
    return services.submit_analysis(actor=actor, exhibit=exhibit)


def wait_for(analyses: list[Analysis], seconds: float) -> None:
    """Return when all are finished or ``seconds`` have passed; refreshes them."""
    deadline = time.monotonic() + seconds
    while True:
        for analysis in analyses:
            if not analysis.is_finished:
                analysis.refresh_from_db()
        if all(analysis.is_finished for analysis in analyses) or time.monotonic() > deadline:
            return
        # A waiting request holds a thread, not a database connection.
        if not connection.in_atomic_block:
            connection.close()
        time.sleep(POLL_S)


def seconds_to_wait(request: Request, default: float | None = None) -> float:
    """``Prefer: wait=N`` up to the platform's limit, else ``default``."""
    asked = WAIT.search(request.headers.get("Prefer", ""))
    if asked:
        return float(min(int(asked[1]), settings.API_MAX_WAIT_S))
    return float(settings.API_DEFAULT_WAIT_S if default is None else default)


def result_or_problem(actor: Actor, analysis: Analysis) -> AnalysisResult:
    """The result of a finished analysis. Raises Problem 422, 500, 503 or 409 if it has none."""
    if analysis.status == "failed":
        raise Problem(failure_status(analysis), analysis.error_code, analysis.error_message)
    finding = selectors.finding_for(actor, analysis)
    if finding is None:
        raise Problem(409, "no_finding", f"The analysis is {analysis.status}; there is no finding.")
    return selectors.result_of(finding)


def failure_status(analysis: Analysis) -> int:
    """422 for bad media, 503 for a platform that could not compute, 500 for the rest."""
    if analysis.error_code in MEDIA_CODES:
        return 422
    return 503 if analysis.error_code in UNAVAILABLE_CODES else 500
