"""The ledger on a real PostgreSQL: triggers, tampering, and sixteen writers at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.postgres import ROOT, SERVER, require_postgres, run_on_postgres

pytestmark = pytest.mark.postgres


@pytest.fixture
def empty_database() -> Iterator[str]:
    """The URL of a new database, dropped afterwards."""
    require_postgres()
    name = f"dfd_ledger_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        yield f"{SERVER}/{name}"
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_triggers_and_tampering() -> None:
    run_on_postgres(
        "tests/audit/test_triggers.py",
        "tests/audit/test_audited.py",
        "tests/audit/test_tampering.py::test_one_changed_character_is_found",
        "tests/audit/test_tampering.py::test_a_cut_tail_is_found",
        "tests/audit/test_tampering.py::test_a_deleted_row_is_found_and_named",
    )


def test_sixteen_writers_leave_one_unforked_chain(empty_database: str, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "ledger_append.py"), "--entries", "800"],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "dfd_platform.settings",
            "DATABASE_URL": empty_database,
            "DFD_DATA_DIR": str(tmp_path),
            "DFD_CHECKPOINT_EVERY": "100",
        },
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr[-3000:]
    outcome = json.loads(run.stdout.splitlines()[-1])
    assert (outcome["database"], outcome["writers"]) == ("postgresql", 16)
    assert (outcome["entries"], outcome["problems"]) == (800, [])
    with psycopg.connect(empty_database) as database:
        case_rows = database.execute(
            "SELECT count(*), count(DISTINCT prev_hash), max(seq), count(DISTINCT actor_id) "
            "FROM audit_auditevent WHERE chain <> 'global'"
        ).fetchone()
        checkpoints = database.execute("SELECT count(*) FROM audit_checkpoint").fetchone()
    assert case_rows == (800, 800, 800, 16)
    assert checkpoints is not None
    assert checkpoints[0] >= 2
