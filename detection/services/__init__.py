"""Every write of the examination room: one verb each, one transaction, one ledger entry."""

from detection.services.analysis import (
    cancel_analysis,
    claim_analysis,
    fail_analysis,
    record_progress,
    record_view,
    rerun_analysis,
    store_result,
    submit_analysis,
)
from detection.services.model_registry import (
    approve_model,
    propose_model,
    sync_models,
    withdraw_model,
)
from detection.services.notifications import mark_read, notify
from detection.services.review import add_review, request_review

__all__ = [
    "add_review",
    "approve_model",
    "cancel_analysis",
    "claim_analysis",
    "fail_analysis",
    "mark_read",
    "notify",
    "propose_model",
    "record_progress",
    "record_view",
    "request_review",
    "rerun_analysis",
    "store_result",
    "submit_analysis",
    "sync_models",
    "withdraw_model",
]
