"""``manage.py up``: one command, everything runs, nothing stays behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import ROOT, LivePlatform, free_port, platform_environment
from tests.platform.test_supervisor import alive, eventually

# Starting twice takes minutes on a busy machine.
pytestmark = [pytest.mark.queue, pytest.mark.timeout(900)]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, so that the socket fits below it."""
    path = Path(tempfile.mkdtemp(prefix="dfd-up-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def family(pid: int) -> set[int]:
    """Every living descendant of ``pid``."""
    found: set[int] = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == pid:
                found |= {int(entry.name)} | family(int(entry.name))
    return found


def up(env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run ``manage.py up`` where it is expected to refuse."""
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "up"],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_first_start_answers_second_is_quick_and_nothing_stays_behind(folder: Path) -> None:
    first = LivePlatform.start(folder)
    children = family(first.process.pid)
    with urllib.request.urlopen(f"{first.url}/health", timeout=20) as answer:
        assert answer.status == 200
    first.stop()
    assert first.process.returncode == 0
    assert len(children) >= 5
    assert not any(alive(pid) for pid in children)
    assert "Administrator admin created" in first.log.read_text()

    started = time.monotonic()
    second = LivePlatform.start(folder)
    try:
        # On the two-core reference machine this takes about ten seconds; slower ones pass too.
        assert time.monotonic() - started < 60
        assert "Administrator" not in second.log.read_text()
        children = family(second.process.pid)
    finally:
        second.process.send_signal(signal.SIGKILL)
        second.process.wait()
    assert eventually(lambda: not any(alive(pid) for pid in children))


def test_long_data_folder_works_through_make_and_stops_with_it(folder: Path) -> None:
    deep = folder / ("long" * 20) / ("path" * 20)
    deep.mkdir(parents=True)
    port = free_port()
    env = platform_environment(deep, port)
    log = folder / "make.log"
    with log.open("w") as stream:
        make = subprocess.Popen(
            ["make", "--no-print-directory", "run"], cwd=ROOT, env=env, stdout=stream, stderr=stream
        )
    try:
        assert eventually(lambda: f"ready at http://127.0.0.1:{port}/" in log.read_text(), 200)
        children = family(make.pid)
    finally:
        make.terminate()
        make.wait(timeout=40)
    assert eventually(lambda: not any(alive(pid) for pid in children), 10)
    assert not list(Path(tempfile.gettempdir()).glob(f"dfd-{os.getuid()}-*/redis.sock"))


def test_port_in_use_is_one_clear_line(folder: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]

        done = up(platform_environment(folder, port))

    assert done.returncode != 0
    assert done.stderr.count("\n") == 1
    assert f"port {port} on 127.0.0.1 is in use; set PORT" in done.stderr


@pytest.mark.parametrize("port", ["http", "0", "70000"])
def test_bad_port_is_one_clear_line(folder: Path, port: str) -> None:
    done = up(platform_environment(folder, 1) | {"PORT": port})

    assert done.returncode != 0
    assert done.stderr.count("\n") == 1
    assert "number from 1 to 65535" in done.stderr


def test_unwritable_folder_is_one_clear_line(folder: Path) -> None:
    (folder / "var").write_text("a file is in the way")

    done = up(platform_environment(folder, free_port()))

    assert done.returncode != 0
    assert done.stderr.count("\n") == 1
    assert "DFD_DATA_DIR" in done.stderr


def test_missing_weight_file_is_said_and_ends_the_start(folder: Path) -> None:
    weights = folder / "weights"
    shutil.copytree(ROOT / "ml" / "weights", weights)
    removed = sorted(weights.glob("*.safetensors"))
    for file in removed:
        file.unlink()
    assert removed

    done = up(platform_environment(folder, free_port()) | {"DFD_WEIGHTS_DIR": str(weights)})

    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "are missing" in said
    assert str(weights) in said
    assert "inference worker cannot start" in done.stderr
    assert "Traceback" not in said


def test_second_platform_on_the_same_folder_is_refused(live_platform: LivePlatform) -> None:
    done = up(live_platform.env | {"PORT": str(free_port())})

    assert done.returncode != 0
    assert "another platform is already running" in done.stderr


def test_dead_worker_comes_back(live_platform: LivePlatform) -> None:
    ready = Path(live_platform.env["DFD_DATA_DIR"]) / "inference-worker.ready"
    first = int(ready.read_text())

    os.kill(first, signal.SIGKILL)

    assert eventually(lambda: ready.read_text().strip() not in ("", str(first)), 150)
    assert alive(int(ready.read_text()))
    assert "inference worker was killed by SIGKILL; restarting in" in live_platform.log.read_text()
