"""What RQ runs: thin, ids only."""

from __future__ import annotations

import uuid

from django.db import close_old_connections
from rq import get_current_job
from structlog.contextvars import bound_contextvars

from detection import services


def run_analysis(analysis_id: str) -> str:
    """Run one queued analysis; says what became of it, for the queue's own records."""
    # Imported here: only the inference worker has the detectors in memory.
    from detection.execution import execute

    job = get_current_job()
    worker = (job.worker_name if job else None) or "in-process"
    close_old_connections()
    analysis = services.claim_analysis(analysis_id, worker)
    if analysis is None:
        return "not queued (any more)"
    with bound_contextvars(request_id=analysis.request_id, analysis=analysis_id):
        execute(analysis)
    analysis.refresh_from_db(fields=["status"])
    close_old_connections()
    return str(analysis.status)


def run_live_window(user_id: int, session: str, number: int) -> str:
    """Examine one window of a live check; says what became of it, for the queue's own records."""
    from detection.live_execution import examine

    return examine(user_id, uuid.UUID(session), number)
