"""What depends on the database holds on PostgreSQL as it does on SQLite."""

import pytest

from tests.postgres import run_on_postgres

FILES = (
    "test_triggers",
    "test_attestation",
    "test_intake",
    "test_custody",
    "test_destruction",
    "test_concurrency",
)


@pytest.mark.postgres
def test_evidence_on_postgresql() -> None:
    run_on_postgres(*(f"tests/cases/{name}.py" for name in FILES))
