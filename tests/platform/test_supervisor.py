"""The supervisor with real processes: restarts, orderly ends, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dfd_platform import process_logs
from dfd_platform.supervisor import describe_exit

ROOT = Path(__file__).resolve().parents[2]

# Runs a supervisor over shell children; every child appends its process id to a file.
SCRIPT = """
import os, sys
from pathlib import Path
from dfd_platform.supervisor import *
folder = Path(sys.argv[1])
children = sys.argv[2:]
say = lambda line: print(line, flush=True)
supervisor = Supervisor(env=os.environ, cwd=folder, logs=folder / "logs", say=say)
with signals_blocked():
    try:
        for index, script in enumerate(children):
            supervisor.start(Program(f"child {index}", ("sh", "-c", script), stop_last=index == 0))
        supervisor.run(lambda: True, lambda: print("ready", flush=True))
    except ChildHopelessError as error:
        sys.exit(f"gave up: {error}")
    finally:
        supervisor.stop()
"""


@pytest.fixture
def supervise(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    def start(*children: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(SCRIPT), str(tmp_path), *children],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def eventually(question: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if question():
            return True
        time.sleep(0.05)
    return question()


def pids(folder: Path, name: str) -> list[int]:
    path = folder / name
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def test_dead_child_is_restarted_and_the_reason_said(
    supervise: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    supervisor = supervise("echo $$ >> kept; exec sleep 100", "echo $$ >> hit; exec sleep 100")
    assert eventually(lambda: len(pids(tmp_path, "hit")) == 1)

    os.kill(pids(tmp_path, "hit")[0], signal.SIGKILL)

    assert eventually(lambda: len(pids(tmp_path, "hit")) == 2)
    supervisor.terminate()
    out, _ = supervisor.communicate(timeout=10)
    assert "child 1 was killed by SIGKILL; restarting in 1 s" in out
    assert len(pids(tmp_path, "kept")) == 1
    assert not any(alive(pid) for pid in pids(tmp_path, "kept") + pids(tmp_path, "hit"))


def test_pauses_between_restarts_grow(supervise: Callable[..., subprocess.Popen[str]]) -> None:
    supervisor = supervise("exec sleep 100", "exit 7")
    assert supervisor.stdout is not None
    lines = [supervisor.stdout.readline() for _ in range(4)]
    supervisor.terminate()
    supervisor.communicate(timeout=10)

    said = [line.partition(" (see")[0] for line in lines if "restarting" in line]
    assert said == [f"child 1 ended with code 7; restarting in {s} s" for s in (1, 2, 4)]


def test_stubborn_children_and_their_offspring_end_within_ten_seconds(
    supervise: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    # The offspring has an own session and process group: signals to the child's group miss it.
    stubborn = (
        "trap '' TERM INT; echo $$ >> stubborn;"
        " setsid sh -c 'echo $$ >> offspring; while :; do sleep 1; done' &"
        " while :; do sleep 1; done"
    )
    supervisor = supervise("echo $$ >> last; exec sleep 100", stubborn)
    assert eventually(lambda: bool(pids(tmp_path, "offspring") and pids(tmp_path, "last")))

    started = time.monotonic()
    supervisor.terminate()
    _, err = supervisor.communicate(timeout=20)

    assert supervisor.returncode == 0, err
    assert time.monotonic() - started < 10
    everyone = [pid for name in ("last", "stubborn", "offspring") for pid in pids(tmp_path, name)]
    assert len(everyone) == 3
    assert not any(alive(pid) for pid in everyone)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_every_stop_signal_is_heeded(
    supervise: Callable[..., subprocess.Popen[str]], tmp_path: Path, stop: signal.Signals
) -> None:
    supervisor = supervise("echo $$ >> child; exec sleep 100")
    assert eventually(lambda: bool(pids(tmp_path, "child")))

    supervisor.send_signal(stop)
    out, _ = supervisor.communicate(timeout=10)

    assert supervisor.returncode == 0
    assert f"stopping ({stop.name})" in out
    assert not alive(pids(tmp_path, "child")[0])


def test_killed_supervisor_takes_its_children_along(
    supervise: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    supervisor = supervise("trap '' TERM; echo $$ >> child; while :; do sleep 1; done")
    assert eventually(lambda: bool(pids(tmp_path, "child")))

    supervisor.kill()
    supervisor.wait()

    assert eventually(lambda: not alive(pids(tmp_path, "child")[0]))
    supervisor.communicate()


def test_hopeless_child_ends_everything(
    supervise: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    supervisor = supervise("echo $$ >> other; exec sleep 100", "sleep 0.5; exit 3")

    _, err = supervisor.communicate(timeout=15)

    assert supervisor.returncode == 1
    assert err == f"gave up: child 1 cannot start; see {tmp_path}/logs/child-1.log\n"
    assert not alive(pids(tmp_path, "other")[0])


def test_console_repeats_warnings_and_the_file_keeps_all(
    supervise: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    error = r'{"level": "error", "event": "disk full", "exception": "Traceback\nOSError: no"}'
    supervisor = supervise(
        f"""echo '{{"level": "info", "event": "quiet"}}'; echo just words
        printf '%s\\n' '{error}'
        echo 'CommandError: the model is missing'; exec sleep 100"""
    )
    assert supervisor.stdout is not None
    said = {supervisor.stdout.readline() for _ in range(3)}
    supervisor.terminate()
    supervisor.communicate(timeout=10)

    assert said == {
        "ready\n",
        "child 0: error: disk full (OSError: no)\n",
        "child 0: the model is missing\n",
    }
    kept = (tmp_path / "logs" / "child-0.log").read_text()
    assert "quiet" in kept
    assert "just words" in kept


def test_long_log_is_rotated_and_still_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_logs, "MAX_BYTES", 100)
    log = process_logs.ProcessLog.of("a child", tmp_path)
    with log.open() as output:
        output.write(b"x" * 200 + b"\n")
        output.flush()
        list(log.news())
        list(log.news())
        list(log.news())
        log.rotate()
        output.write(b'{"level": "warning", "event": "after"}\n')
        output.flush()

        assert list(log.news()) == ["a child: warning: after"]
    assert (tmp_path / "a-child.log.1").stat().st_size == 201


def test_exit_is_described_in_words() -> None:
    assert describe_exit(2) == "ended with code 2"
    assert describe_exit(-signal.SIGSEGV) == "was killed by SIGSEGV"
