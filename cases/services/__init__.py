"""Every write to cases and evidence: one verb each, one transaction, one ledger entry."""

from cases.services.break_glass import end_break_glass, open_break_glass
from cases.services.case import (
    add_member,
    close_case,
    create_case,
    edit_case,
    record_case_view,
    remove_member,
    reopen_case,
)
from cases.services.custody import (
    accept_transfer,
    decline_transfer,
    offer_transfer,
    record_analysis,
    record_export,
    record_return,
    record_view,
)
from cases.services.destruction import (
    approve_destruction,
    decline_destruction,
    request_destruction,
)
from cases.services.evidence import receive_evidence
from cases.services.holds import place_hold, release_hold
from cases.services.integrity import open_exhibit, unfreeze_exhibit, verify_exhibit
from cases.services.notes import add_note
from cases.services.saved_views import remove_view, save_view
from cases.services.uploads import (
    add_bytes,
    finish_if_complete,
    start_upload,
    terminate_upload,
)

__all__ = [
    "accept_transfer",
    "add_bytes",
    "add_member",
    "add_note",
    "approve_destruction",
    "close_case",
    "create_case",
    "decline_destruction",
    "decline_transfer",
    "edit_case",
    "end_break_glass",
    "finish_if_complete",
    "offer_transfer",
    "open_break_glass",
    "open_exhibit",
    "place_hold",
    "receive_evidence",
    "record_analysis",
    "record_case_view",
    "record_export",
    "record_return",
    "record_view",
    "release_hold",
    "remove_member",
    "remove_view",
    "reopen_case",
    "request_destruction",
    "save_view",
    "start_upload",
    "terminate_upload",
    "unfreeze_exhibit",
    "verify_exhibit",
]
