"""What depends on the database holds on PostgreSQL as it does on SQLite."""

import pytest

from tests.postgres import run_on_postgres

FILES = (
    "test_triggers",
    "test_attestation",
    "test_running",
    "test_review",
    "test_concurrency",
    "postgresql_worker_role",
)


@pytest.mark.postgres
def test_analyses_on_postgresql() -> None:
    run_on_postgres(*(f"tests/detection/{name}.py" for name in FILES))
