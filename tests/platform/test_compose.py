"""docker-compose.yml without a container engine: the same commands with the same environment
against a real PostgreSQL and a real Redis, two inference workers included.

The PostgreSQL is that of ``tests/postgres.py``, which says how to start one.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
import yaml

from dfd_platform.embedded_redis import redis_executable
from tests.live import ADMIN_PASSWORD, ROOT, free_port
from tests.postgres import SERVER, require_postgres
from tests.queue.media import picture

# Two workers load their models; on a busy machine that takes minutes.
pytestmark = [pytest.mark.queue, pytest.mark.postgres, pytest.mark.timeout(900)]

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """A new database on the real server; dropped afterwards."""
    name = f"dfd_compose_{uuid.uuid4().hex[:8]}"
    require_postgres()
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"'.encode())
        yield f"{SERVER}/{name}"
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="dfd-compose-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def redis_url(folder: Path) -> Iterator[str]:
    """A real Redis on TCP, with the options of the compose file."""
    port = free_port()
    options = SERVICES["redis"]["command"][1:]
    command = [redis_executable(), *options, "--port", str(port), "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        yield f"redis://127.0.0.1:{port}/0"
        process.terminate()


class Compose:
    """Runs services of the compose file as processes of this machine."""

    def __init__(self, folder: Path, database: str, redis_url: str) -> None:
        self.port = free_port()
        self.folder = folder
        self.places = {"DATABASE_URL": database, "REDIS_URL": redis_url}
        self.processes: list[subprocess.Popen[bytes]] = []

    def environment(self, service: str) -> dict[str, str]:
        """The service's environment; only what names another container is put in place here."""
        stated = dict(SERVICES[service]["environment"])
        assert set(self.places) <= set(stated)
        here = {"DFD_DATA_DIR": str(self.folder / "data"), "DFD_ENV_FILE": ""}
        dotenv = {
            "DFD_ADMIN_PASSWORD": ADMIN_PASSWORD,
            "DFD_STATIC_ROOT": str(self.folder / "static"),
            "DFD_HEARTBEAT_S": "1",
            "OMP_NUM_THREADS": "1",
        }
        kept = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        return {**kept, **dotenv, **stated, **self.places, **here}

    def command(self, service: str) -> list[str]:
        """The service's command, on a free port."""
        words = SERVICES[service]["command"]
        return [word.replace("0.0.0.0:8000", f"127.0.0.1:{self.port}") for word in words]

    def run(self, service: str, *, instead: list[str] | None = None) -> None:
        """Run a service to its end."""
        subprocess.run(
            instead or self.command(service),
            cwd=ROOT, env=self.environment(service), check=True, timeout=300,
        )  # fmt: skip

    def start(self, service: str) -> subprocess.Popen[bytes]:
        """Start a service that stays."""
        log = (self.folder / f"{service}-{len(self.processes)}.log").open("wb")
        process = subprocess.Popen(
            self.command(service), cwd=ROOT, env=self.environment(service), stdout=log, stderr=log
        )
        self.processes.append(process)
        return process

    def stop(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def logs(self) -> str:
        return "\n".join(path.read_text()[-3000:] for path in self.folder.glob("*.log"))


@pytest.fixture(scope="module")
def compose(folder: Path, database: str, redis_url: str) -> Iterator[Compose]:
    """Everything up, with two inference workers."""
    platform = Compose(folder, database, redis_url)
    platform.run("prepare")
    collect = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    platform.run("prepare", instead=collect)
    try:
        for service in ("web", "inference", "inference", "light", "webhooks", "reconciler"):
            platform.start(service)
        wait_until(lambda: ready(platform).get("workers") == 2, platform)
        yield platform
    finally:
        platform.stop()


def ready(platform: Compose) -> dict[str, Any]:
    try:
        answer = requests.get(f"http://127.0.0.1:{platform.port}/health/ready", timeout=10)
    except (requests.ConnectionError, requests.Timeout):
        return {}
    return dict(answer.json())


def wait_until(question: Any, platform: Compose, seconds: float = 280) -> None:
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline, platform.logs()
        time.sleep(0.3)


def test_two_workers_share_the_work_on_postgresql(compose: Compose) -> None:
    listed = subprocess.run(
        [sys.executable, "manage.py", "create_api_key", "admin"],
        cwd=ROOT, env=compose.environment("web"), capture_output=True, text=True, check=True,
    )  # fmt: skip
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {listed.stdout.strip()}"
    api = f"http://127.0.0.1:{compose.port}/api/v1"
    case = session.post(f"{api}/cases", json={"title": "Composed"}).json()["id"]
    exhibits = [
        session.post(
            f"{api}/cases/{case}/evidence", files={"file": (f"{n}.png", picture(n))}
        ).json()["id"]
        for n in range(8)
    ]
    submitted = session.post(f"{api}/analyses/batch", json={"exhibits": exhibits}).json()

    def states() -> list[str]:
        rows = session.get(f"{api}/analyses?case={case}&fields=status").json()["results"]
        return [row["status"] for row in rows]

    wait_until(lambda: not {"queued", "running"} & set(states()), compose)

    assert len(submitted) == 8
    assert states() == ["complete"] * 8
    entries = session.get(f"{api}/cases/{case}/ledger?action=analysis.completed").json()["results"]
    assert len(entries) == 8
    assert len({entry["actor_id"] for entry in entries}) == 2
    compose.run("web", instead=[sys.executable, "manage.py", "verify_audit"])


def test_one_dotenv_configures_every_process() -> None:
    ours = [service for service in SERVICES.values() if service.get("image") == "dfd-platform"]

    assert len(ours) == 6
    assert all(service["env_file"] == ".env" for service in ours)
    text = (ROOT / "docker-compose.yml").read_text()
    named = set(re.findall(r"\b(?:DFD|POSTGRES)_[A-Z_]+\b", text))
    documented = (ROOT / ".env.example").read_text()
    assert {name for name in named if name not in documented} == {"POSTGRES_USER", "POSTGRES_DB"}


def test_every_variable_of_the_settings_is_documented() -> None:
    source = (ROOT / "dfd_platform" / "settings.py").read_text()
    asked = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', source))

    documented = set(
        re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    )

    assert asked - documented == set()
