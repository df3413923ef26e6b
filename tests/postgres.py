"""Running tests once more on a real PostgreSQL, in a pytest of their own.

The server is the one at ``DFD_TEST_POSTGRES`` (default: user root without password at
127.0.0.1:5432). To start one anywhere, without root:

    initdb -D /tmp/pg --auth=trust --username=root
    pg_ctl -D /tmp/pg -o "-p 5432 -c listen_addresses=127.0.0.1 -k /tmp" -l /tmp/pg.log start

or ``docker run -e POSTGRES_USER=root -e POSTGRES_HOST_AUTH_METHOD=trust -p 5432:5432 postgres:17``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).resolve().parent.parent
SERVER = os.environ.get("DFD_TEST_POSTGRES", "postgres://root@127.0.0.1:5432")


def require_postgres() -> None:
    """Skip the test, saying how to start a server, when none answers."""
    try:
        psycopg.connect(f"{SERVER}/postgres", connect_timeout=3).close()
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL at {SERVER} ({error}); see the top of tests/postgres.py")


def run_on_postgres(*paths: str) -> None:
    """Run test files against PostgreSQL; fail with their output unless all pass."""
    require_postgres()
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": f"{SERVER}/dfd_{uuid.uuid4().hex[:12]}"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
