"""People, a case and real servers for every test.

Alice manages the case, Bob examines, Carol reviews, Charlie is an outsider.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase

if TYPE_CHECKING:
    from accounts.actors import Actor
    from accounts.models import User
    from cases.models import Case
    from tests.live import LivePlatform

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "correct horse battery staple"

# Tests that continuous integration may skip, each with its reason. Empty: none may.
SKIPS_ALLOWED_IN_CI: dict[str, str] = {}


def pytest_terminal_summary(terminalreporter: Any, exitstatus: int) -> None:
    """With CI=true a skipped test is a failure: a check that never ran proves nothing."""
    if os.environ.get("CI") != "true":
        return
    for report in _forbidden_skips(terminalreporter):
        terminalreporter.write_line(f"SKIPPED IN CI: {report.nodeid}", red=True)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        # A process of a parallel run: the session that started it has its results, and judges.
        return
    if os.environ.get("CI") == "true" and exitstatus == 0 and _forbidden_skips(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _forbidden_skips(reporter: Any) -> list[Any]:
    return [
        report
        for report in reporter.stats.get("skipped", [])
        if report.nodeid not in SKIPS_ALLOWED_IN_CI
    ]


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, settings: Any) -> Path:
    """A fresh ``settings.DFD.data_dir`` for every test."""
    folder = tmp_path / "var"
    folder.mkdir()
    settings.DFD = dataclasses.replace(settings.DFD, data_dir=folder)
    return folder


def _person(username: str, **fields: Any) -> User:
    from accounts.models import User

    return User.objects.create_user(
        username, email=f"{username}@example.org", password=PASSWORD, **fields
    )


@pytest.fixture
def alice(db: None) -> User:
    """Manages the case."""
    return _person("alice")


@pytest.fixture
def bob(db: None) -> User:
    """Examines."""
    return _person("bob")


@pytest.fixture
def carol(db: None) -> User:
    """Reviews."""
    return _person("carol")


@pytest.fixture
def charlie(db: None) -> User:
    """Belongs to no case."""
    return _person("charlie")


@pytest.fixture
def admin_user(db: None) -> User:
    """Administers the site and sees no case content by default."""
    return _person("admin", site_role="administrator", is_staff=True, is_superuser=True)


@pytest.fixture
def auditor(db: None) -> User:
    """Reads everything and writes nothing."""
    return _person("auditor", site_role="auditor")


@pytest.fixture
def actor() -> Callable[[User], Actor]:
    """``actor(user)``: the Actor behind a person."""
    from accounts.actors import user_actor

    return user_actor


@pytest.fixture
def case(alice: User, bob: User, carol: User) -> Case:
    """Alice's case with Bob as examiner and Carol as reviewer."""
    from accounts.actors import user_actor
    from cases import services

    manager = user_actor(alice)
    opened = services.create_case(actor=manager, title="A recording of doubt")
    services.add_member(actor=manager, case=opened, user=bob, role="examiner")
    services.add_member(actor=manager, case=opened, user=carol, role="reviewer")
    return opened


@pytest.fixture(scope="session")
def _redis_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    from dfd_platform.embedded_redis import redis_command

    socket = Path(settings.REDIS_URL.removeprefix("unix://"))
    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = redis_command(socket=socket, folder=tmp_path_factory.mktemp("redis"))
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _wait_for_redis(settings.REDIS_URL)
        yield
        process.terminate()


@pytest.fixture
def redis_server(_redis_process: None) -> Iterator[str]:
    """A real, empty Redis at ``settings.REDIS_URL``; yields the URL."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.flushall()
    yield settings.REDIS_URL
    client.flushall()
    client.close()


def _wait_for_redis(url: str) -> None:
    client = redis.Redis.from_url(url)
    deadline = time.monotonic() + 20
    while True:
        try:
            client.ping()
            return
        except redis.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@pytest.fixture(scope="session", autouse=True)
def _flush_by_snapshot() -> Iterator[None]:
    """Empty the database of a transactional test by putting the migrated file back.

    Django's flush sends DELETE, which the append-only triggers rightly refuse.
    """
    test_case: Any = TransactionTestCase
    flush = test_case._fixture_teardown
    fill = test_case._fixture_setup.__func__

    def remember(cls: type[TransactionTestCase]) -> None:
        fill(cls)
        if connection.vendor == "sqlite" and not _snapshot().exists():
            with connection.cursor() as cursor:
                cursor.execute("VACUUM INTO %s", [str(_snapshot())])

    def restore(self: TransactionTestCase) -> None:
        if connection.vendor != "sqlite":
            with connection.cursor() as cursor:  # triggers rest, for a superuser only
                cursor.execute("SET session_replication_role = replica")
            flush(self)
            with connection.cursor() as cursor:
                cursor.execute("SET session_replication_role = DEFAULT")
            return
        database = Path(connection.settings_dict["NAME"])
        connection.close()
        for suffix in ("-wal", "-shm"):
            database.with_name(database.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(_snapshot(), database)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_setup", classmethod(remember))
        patch.setattr(TransactionTestCase, "_fixture_teardown", restore)
        yield


def _snapshot() -> Path:
    return Path(f"{connection.settings_dict['NAME']}.migrated")


@pytest.fixture
def process_env(transactional_db: None, redis_server: str, data_dir: Path) -> dict[str, str]:
    """Environment of a child process that shares the test's database, Redis and folders."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "dfd_platform.settings",
        "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        "REDIS_URL": redis_server,
        "DFD_DATA_DIR": str(data_dir),
        "PYTHONPATH": str(ROOT),
    }


@pytest.fixture(scope="session")
def live_platform() -> Iterator[LivePlatform]:
    """The whole platform as ``manage.py up`` starts it, on a free port, once per test run."""
    from tests.live import LivePlatform

    # A short path: the folder holds a Unix socket.
    folder = Path(tempfile.mkdtemp(prefix="dfd-live-"))
    platform = LivePlatform.start(folder)
    try:
        yield platform
    finally:
        platform.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def manage() -> Callable[..., subprocess.CompletedProcess[str]]:
    """``manage("check", env=...)``: run a management command in its own process."""

    def run(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
