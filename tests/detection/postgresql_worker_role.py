"""The worker's role on PostgreSQL; run by ``test_postgresql.py``, where there is a server."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import ProgrammingError, connection, transaction

from accounts.actors import user_actor, worker_actor
from accounts.models import User
from cases import services as cases
from detection import services
from detection.models import Analysis
from tests.detection.conftest import outcome_for
from webhooks.models import Event
from webhooks.services import create_endpoint

ROLE = "dfd_worker_test"


@pytest.fixture
def as_worker(queued: Any) -> Iterator[None]:
    """The rest of the test runs with the worker's rights; all is rolled back with the test."""
    grants = StringIO()
    call_command("worker_grants", ROLE, stdout=grants)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE}")
        cursor.execute(grants.getvalue())
        cursor.execute(f"SET ROLE {ROLE}")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")


def denied(statement: str) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_it_claims_and_stores(queued: Analysis, as_worker: None) -> None:
    analysis = services.claim_analysis(str(queued.pk), "worker-1")
    assert analysis is not None
    services.record_environment(
        analysis=analysis, evidence_sha256=queued.exhibit.sha256, environment={}
    )
    services.record_heartbeat(analysis=analysis)
    finding = services.store_result(analysis=analysis, outcome=outcome_for(queued.exhibit))
    assert finding.analysis_id == queued.pk


def test_what_it_stores_is_told_to_web_hooks(
    alice: User, queued: Analysis, request: pytest.FixtureRequest
) -> None:
    create_endpoint(
        actor=user_actor(alice), url="https://93.184.215.14/", events=["analysis.finished"]
    )
    request.getfixturevalue("as_worker")
    test_it_claims_and_stores(queued, None)
    assert Event.objects.get().type == "analysis.finished"


def test_it_freezes_evidence_that_changed(queued: Analysis, as_worker: None) -> None:
    from cases.storage import evidence_store

    path = evidence_store().path(queued.exhibit.storage_key)
    path.chmod(0o600)
    path.write_bytes(b"other bytes")
    assert not cases.verify_exhibit(actor=worker_actor("worker-1"), exhibit=queued.exhibit)
    queued.exhibit.refresh_from_db()
    assert queued.exhibit.state == "frozen"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE cases_exhibit SET sha256 = ''",
        "UPDATE cases_exhibit SET storage_key = ''",
        "INSERT INTO cases_exhibit SELECT * FROM cases_exhibit",
        "DELETE FROM cases_exhibit",
        "UPDATE cases_case SET title = ''",
        "UPDATE audit_auditevent SET hash = ''",
        "DELETE FROM detection_finding",
        "SELECT password FROM accounts_user",
        "SELECT digest FROM accounts_apikey",
        "INSERT INTO detection_review SELECT * FROM detection_review",
    ],
)
def test_it_can_do_nothing_else(as_worker: None, statement: str) -> None:
    denied(statement)
