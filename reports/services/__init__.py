"""Every write of this room: ordering reports and bundles, making them, recording downloads."""

from reports.services.making import make
from reports.services.orders import (
    claim,
    fail,
    record_download,
    record_heartbeat,
    record_progress,
    recover_lost,
    request_bundle,
    request_report,
)

__all__ = [
    "claim",
    "fail",
    "make",
    "record_download",
    "record_heartbeat",
    "record_progress",
    "recover_lost",
    "request_bundle",
    "request_report",
]
