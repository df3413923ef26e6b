"""Every write of the examination room: one verb each, one transaction, one ledger entry."""

from detection.services.comparison import compare_runs
from detection.services.model_registry import (
    approve_model,
    propose_model,
    registered_weights,
    require_approved,
    sync_models,
    withdraw_model,
)
from detection.services.notifications import mark_read, notify
from detection.services.review import add_review, request_review
from detection.services.running import (
    claim_analysis,
    fail_analysis,
    hand_back,
    record_environment,
    record_heartbeat,
    record_progress,
    recover_lost,
    store_result,
)
from detection.services.submission import (
    cancel_analysis,
    record_view,
    rerun_analysis,
    submit_analyses,
    submit_analysis,
)

__all__ = [
    "add_review",
    "approve_model",
    "cancel_analysis",
    "claim_analysis",
    "compare_runs",
    "fail_analysis",
    "hand_back",
    "mark_read",
    "notify",
    "propose_model",
    "record_environment",
    "record_heartbeat",
    "record_progress",
    "record_view",
    "recover_lost",
    "registered_weights",
    "request_review",
    "require_approved",
    "rerun_analysis",
    "store_result",
    "submit_analyses",
    "submit_analysis",
    "sync_models",
    "withdraw_model",
]
