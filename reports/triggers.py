"""The database's own refusal to rewrite what left the house."""

from __future__ import annotations

from cases.triggers import ALWAYS, Guard

GUARDS = (Guard("reports_export", "the record of an export is written once", final=ALWAYS),)
ORDER_GUARDS = (
    Guard(
        "reports_exportrequest",
        "an order keeps what was asked, and its end is final",
        fixed=(
            "id",
            "kind",
            "case_id",
            "analysis_id",
            "exhibits",
            "redactions",
            "purpose",
            "requested_by_kind",
            "requested_by_id",
            "requested_by_label",
            "created_at",
        ),
        final="OLD.status IN ('ready', 'failed')",
    ),
)
