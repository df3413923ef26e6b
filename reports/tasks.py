"""What the light worker runs for this room: thin, ids only."""

from __future__ import annotations

from django.conf import settings
from django.db import close_old_connections, connection
from structlog.contextvars import bound_contextvars

from detection.interruption import Pulse
from reports import services
from reports.models import ExportRequest


def make_export(request_id: str) -> str:
    """Make one ordered export; says what became of it, for the queue's own records."""
    close_old_connections()
    request = services.claim(request_id)
    if request is None:
        return "not queued (any more)"
    with (
        bound_contextvars(request_id=request.request_id, export=request_id),
        Pulse(settings.DFD.heartbeat_s, lambda: _beat(request)),
    ):
        export = services.make(request)
    close_old_connections()
    return "ready" if export else "failed"


def _beat(request: ExportRequest) -> None:
    """Say that we live; the thread that beats leaves no connection of its own behind."""
    try:
        services.record_heartbeat(request=request)
    finally:
        connection.close()
