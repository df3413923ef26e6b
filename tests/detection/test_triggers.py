"""Written once: raw SQL and bulk queries are refused by the database itself."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from detection import services
from detection.models import Artefact, Finding, ReviewKind

REFUSED = (IntegrityError, OperationalError)


def refused(statement: str) -> None:
    """The database refuses ``statement`` and says why."""
    with (
        pytest.raises(REFUSED, match=r"written once|never"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.parametrize("table", ["finding", "artefact", "review", "reviewrequest"])
def test_outcomes_cannot_be_changed_or_deleted(
    finding: Any, examiner: Any, carol: Any, table: str
) -> None:
    services.add_review(
        actor=examiner, analysis=finding.analysis, kind=ReviewKind.OPINION, text="Seen."
    )
    services.request_review(actor=examiner, analysis=finding.analysis, reviewer=carol)
    refused(f"UPDATE detection_{table} SET analysis_id = analysis_id")
    refused(f"DELETE FROM detection_{table}")


def test_models_cannot_be_changed(finding: Any) -> None:
    with pytest.raises(REFUSED), transaction.atomic():
        Finding.objects.filter(pk=finding.pk).update(verdict="REAL")
    with pytest.raises(REFUSED), transaction.atomic():
        Artefact.objects.all()._raw_delete("default")


def test_a_finished_analysis_never_changes(finding: Any) -> None:
    refused("UPDATE detection_analysis SET percent = 1")
    refused("DELETE FROM detection_analysis")


@pytest.mark.parametrize("column", ["profile", "parameters", "submitted_by_label", "created_at"])
def test_what_was_asked_never_changes(running: Any, column: str) -> None:
    value = "'{\"threshold\": 0.4}'" if column == "parameters" else "'2020-01-01'"
    refused(f"UPDATE detection_analysis SET {column} = {value}")


REPLACE = {
    "sqlite": "INSERT OR REPLACE INTO detection_finding SELECT * FROM detection_finding",
    "postgresql": "INSERT INTO detection_finding SELECT * FROM detection_finding "
    "ON CONFLICT (id) DO UPDATE SET verdict = 'REAL'",
}


def test_replacing_a_row_is_refused_too(finding: Any) -> None:
    refused(REPLACE[connection.vendor])
