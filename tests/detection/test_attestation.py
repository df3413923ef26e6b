"""With the triggers dropped, a changed finding, derived file, analysis or review is found.

Runs on SQLite here, on PostgreSQL through ``test_postgresql``.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from django.db import connection

from audit.verification import verify_all
from cases import triggers
from detection import services
from detection.models import ReviewKind
from detection.triggers import GUARDS
from ml.result import AnalysisResult, ScoredItem, json_text
from tests.detection.conftest import outcome_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def reviewed(finding: Any, examiner: Any) -> Any:
    """A finding with an opinion, on a database whose triggers are gone."""
    services.add_review(
        actor=examiner, analysis=finding.analysis, kind=ReviewKind.OPINION, text="Seen."
    )
    assert verify_all().problems == ()
    for guard in GUARDS:
        for statement in triggers.remove(connection, (guard,)):
            run(statement)
    return finding


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def problems() -> list[str]:
    found = verify_all().problems
    return [problem.message for problem in found if problem.code != "trigger_missing"]


@pytest.mark.parametrize(
    ("assignment", "named"),
    [
        ("verdict = 'REAL'", "its result has another verdict"),
        ("probability = 0.01", "its result has another probability"),
        ("log10_lr = -3.0", "its result has another log10_lr"),
        ("result_sha256 = 'x'", "its result does not have its own hash"),
    ],
)
def test_a_changed_finding_is_named(reviewed: Any, assignment: str, named: str) -> None:
    run(f"UPDATE detection_finding SET {assignment}")
    key = f"finding (detection.analysis:{reviewed.analysis_id})"
    assert f"{key}: {named}" in problems()


class Earlier(AnalysisResult):
    """A result as it was written before items held their likelihood ratio."""

    def to_json(self) -> str:
        data = self.to_dict()
        for branch in data["branches"]:
            for item in branch["items"]:
                del item["llr"]
        return json_text(data)


def test_a_result_of_an_earlier_version_still_has_its_own_hash(running: Any) -> None:
    outcome = outcome_for(running.exhibit)
    result = outcome.result
    branches = tuple(replace(b, items=(ScoredItem(0.0, 1.0, 0.5),)) for b in result.branches)
    parts = {f.name: getattr(result, f.name) for f in fields(result)} | {"branches": branches}
    earlier = Earlier(**parts)
    services.store_result(analysis=running, outcome=replace(outcome, result=earlier))
    assert verify_all().problems == ()


@pytest.mark.parametrize("column", ["name", "caption", "producer", "parent_sha256", "storage_key"])
def test_a_changed_derived_file_is_named(reviewed: Any, column: str) -> None:
    run(f"UPDATE detection_artefact SET {column} = 'x' WHERE name = '{derived(reviewed)}'")
    assert "its result describes another file" in " ".join(problems())


def derived(finding: Any) -> str:
    return str(finding.analysis.artefacts.first().name)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE detection_review SET text = 'x'", "the row detection.review:{review} is not what"),
        ("UPDATE detection_review SET kind = 'dissent'", "detection.review:{review} is not what"),
        ("DELETE FROM detection_review", "detection.review:{review} was recorded and is gone"),
        ("UPDATE detection_analysis SET profile = 'x'", "detection.analysis:{run} is not what"),
        ("UPDATE detection_analysis SET environment = '{{}}'", "analysis:{run} is not what"),
    ],
)
def test_a_changed_review_or_analysis_is_named(reviewed: Any, statement: str, named: str) -> None:
    keys = {"review": reviewed.analysis.reviews.get().pk, "run": reviewed.analysis_id}
    run(statement.format())
    assert named.format(**keys) in " ".join(problems())


def test_progress_is_no_change(reviewed: Any) -> None:
    run("UPDATE detection_analysis SET percent = 1")
    assert problems() == []
