"""A database file of its own, a real Redis and real worker processes."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from detection.models import Analysis
from tests.conftest import ROOT

# Slow machines share two cores with other work: generous, and only ever reached by a failure.
PATIENCE_S = 180
HEARTBEAT_S = 0.5


@pytest.fixture
def database(django_db_setup: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[Path]:
    """A migrated, empty database file that this process and its children share."""
    file = tmp_path / "db.sqlite3"
    migrated = connection.settings_dict["NAME"]
    with closing(sqlite3.connect(migrated)) as source, closing(sqlite3.connect(file)) as target:
        source.backup(target)
    with django_db_blocker.unblock():
        connection.close()
        connection.settings_dict["NAME"] = str(file)
        yield file
        connection.close()
        connection.settings_dict["NAME"] = migrated


@pytest.fixture
def db(database: Path) -> None:
    """People and cases of the common fixtures live in this database.

    Of this name, because pytest-django makes test databases only for tests that use ``db``.
    """


@pytest.fixture
def environment(db: None, database: Path, redis_server: str, data_dir: Path) -> dict[str, str]:
    """Environment of the child processes."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "dfd_platform.settings",
        "DATABASE_URL": f"sqlite:///{database}",
        "REDIS_URL": redis_server,
        "DFD_DATA_DIR": str(data_dir),
        "DFD_HEARTBEAT_S": str(HEARTBEAT_S),
        "DFD_SHUTDOWN_GRACE_S": "0.5",
        "DFD_LOG_LEVEL": "INFO",
        "OMP_NUM_THREADS": "1",
    }


class Process:
    """One ``manage.py`` child with its output in a file."""

    def __init__(self, arguments: list[str], env: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), *arguments],
                env=env,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        return self.log.read_text()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def wait_for(self, words: str) -> None:
        """Until the output holds ``words``; fails with the output when the process ends first."""
        wait_until(lambda: words in self.output or not self.running, words)
        assert words in self.output, self.output

    def kill(self) -> None:
        """SIGKILL, as the kernel's memory killer does."""
        self._process.kill()
        self._process.wait()

    def send(self, number: int) -> None:
        """Send a signal and wait for nothing."""
        self._process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask the process to end; its exit status."""
        self._process.send_signal(number)
        return self._process.wait(PATIENCE_S)


@pytest.fixture
def manage(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """``manage("reconcile", env={...})``: a child process, ended with the test."""
    children: list[Process] = []

    def start(*arguments: str, env: dict[str, str] | None = None) -> Process:
        log = tmp_path / f"{arguments[0]}-{len(children)}.log"
        children.append(Process(list(arguments), {**environment, **(env or {})}, log))
        return children[-1]

    yield start
    for child in children:
        if child.running:
            child.kill()


@pytest.fixture
def worker(manage: Callable[..., Process]) -> Iterator[Callable[..., Process]]:
    """``worker()``: an inference worker that takes jobs and whose every heartbeat succeeds."""
    started: list[Process] = []

    def start(**env: str) -> Process:
        started.append(manage("inference_worker", env=env))
        started[-1].wait_for("worker ready")
        return started[-1]

    yield start
    for process in started:
        assert "heartbeat_failed" not in process.output, process.output


@pytest.fixture
def reconciler(manage: Callable[..., Process]) -> Process:
    """The reconciler in its loop."""
    return manage("reconcile", "--every", "0.5")


def wait_until(done: Callable[[], bool], what: str) -> None:
    """Poll until ``done``; AssertionError naming ``what`` when it takes too long."""
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        time.sleep(0.1)


def finished(*analyses: Analysis) -> list[Analysis]:
    """The analyses as they are stored once every one of them has finished."""
    ids = [analysis.pk for analysis in analyses]

    def all_finished() -> bool:
        return not Analysis.objects.filter(pk__in=ids).open().exists()

    wait_until(all_finished, "the analyses to finish")
    return [Analysis.objects.get(pk=key) for key in ids]


def in_the_middle(analysis: Analysis) -> Analysis:
    """The analysis once its models are running."""

    def underway() -> bool:
        analysis.refresh_from_db()
        return analysis.stage == "Running models" or analysis.is_finished

    wait_until(underway, "the models to run")
    assert analysis.status == "running", (analysis.status, analysis.error_message)
    return analysis
