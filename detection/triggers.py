"""The database's own refusal to rewrite what an analysis was asked, found and was told.

A later migration that alters one of these tables on SQLite remakes the table and drops its
triggers: it must run ``cases.triggers.install`` with these guards again.
"""

from __future__ import annotations

from cases.triggers import ALWAYS, Guard

GUARDS = (
    Guard(
        "detection_analysis",
        "a finished analysis and what was asked of it never change",
        fixed=(
            "id",
            "exhibit_id",
            "profile",
            "parameters",
            "rerun_of_id",
            "submitted_by_kind",
            "submitted_by_id",
            "submitted_by_label",
            "request_id",
            "created_at",
        ),
        final="OLD.finished_at IS NOT NULL",
    ),
    Guard("detection_finding", "a finding is written once", final=ALWAYS, unique=("analysis_id",)),
    Guard(
        "detection_artefact",
        "the record of a derived file is written once",
        final=ALWAYS,
        unique=("analysis_id", "name"),
    ),
    Guard("detection_reviewrequest", "a request for review is written once", final=ALWAYS),
    Guard("detection_review", "a review is written once", final=ALWAYS),
    Guard(
        "detection_modelversion",
        "a registered weight set is written once",
        final=ALWAYS,
        unique=("description_sha256",),
    ),
    Guard("detection_modeldecision", "a decision is written once", final=ALWAYS),
)
