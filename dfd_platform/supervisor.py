"""Keeps a handful of child processes running, and leaves none behind.

Every child leads its own session, so Ctrl-C in the terminal reaches only the supervisor, which
then stops the children in order. Grandchildren whose parent died come back to the supervisor
(it is their subreaper) and end with it. If the supervisor itself is killed, the kernel sends each
child its ``orphan_signal``.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dfd_platform.process_logs import ProcessLog

WATCHED = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
POLL_S = 0.5
STOP_S = 7.0
STOP_LAST_S = 1.0
MAX_BACKOFF_S = 30.0
STEADY_S = 60.0
PR_SET_PDEATHSIG = 1

PR_SET_CHILD_SUBREAPER = 36

# A child that ends with this code has said why, and that starting it again cannot help.
HOPELESS_EXIT = 3


_LIBC = ctypes.CDLL(None)


class ChildHopelessError(Exception):
    """A child ended with ``HOPELESS_EXIT``; its own last line says why."""


@dataclass(frozen=True)
class Program:
    """A command to keep running. ``stop_last`` programs outlive the others at shutdown."""

    name: str
    command: tuple[str, ...]
    orphan_signal: signal.Signals = signal.SIGKILL
    stop_last: bool = False


@dataclass
class Child:
    """One program's current process and its record of failures."""

    program: Program
    process: subprocess.Popen[bytes]
    started: float
    log: ProcessLog
    failures: int = 0
    restart_at: float | None = None

    @property
    def running(self) -> bool:
        return self.restart_at is None


@dataclass
class Supervisor:
    """Starts programs, restarts those that die with growing pauses, stops them all."""

    env: Mapping[str, str]
    cwd: Path
    logs: Path
    say: Callable[[str], None]
    children: dict[str, Child] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _prctl(PR_SET_CHILD_SUBREAPER, 1)

    def start(self, program: Program) -> None:
        """Start ``program``; OSError when its command does not exist."""
        log = ProcessLog.of(program.name, self.logs)
        process = self._spawn(program, log)
        self.children[program.name] = Child(program, process, time.monotonic(), log)

    def pid(self, name: str) -> int | None:
        """Process id of a running child, else None."""
        child = self.children.get(name)
        return child.process.pid if child and child.running else None

    def run(self, is_ready: Callable[[], bool], on_ready: Callable[[], None]) -> None:
        """Look after the children until a signal asks to stop; ``on_ready`` is called once.

        Signals must be blocked before the first ``start`` (``signals_blocked``).
        Raises ChildHopelessError when a child cannot be helped by a restart.
        """
        announced = False
        while True:
            caught = signal.sigtimedwait(WATCHED, POLL_S)
            if caught and caught.si_signo != signal.SIGCHLD:
                self.say(f"stopping ({signal.Signals(caught.si_signo).name})")
                return
            self._look_after()
            if not announced and is_ready():
                announced = True
                on_ready()

    def stop(self) -> None:
        """Stop every child: politely, then by force. Returns within ten seconds."""
        first = [child for child in self.children.values() if not child.program.stop_last]
        last = [child for child in self.children.values() if child.program.stop_last]
        self._stop(first, STOP_S)
        for pid in _children_of(os.getpid()) - {child.process.pid for child in last}:
            _kill_orphan(pid)
        self._stop(last, STOP_LAST_S)
        self.children.clear()

    def _spawn(self, program: Program, log: ProcessLog) -> subprocess.Popen[bytes]:
        supervisor = os.getpid()

        def prepare() -> None:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
            _prctl(PR_SET_PDEATHSIG, program.orphan_signal)
            if os.getppid() != supervisor:
                # The supervisor died before the kernel was told to watch it.
                os._exit(1)

        with log.open() as output:
            return subprocess.Popen(
                program.command,
                env=dict(self.env),
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=prepare,
            )

    def _look_after(self) -> None:
        now = time.monotonic()
        for child in self.children.values():
            self._repeat_news(child)
            if child.running and _has_ended(child.process):
                self._bury(child, now)
            elif child.restart_at is not None and now >= child.restart_at:
                child.process = self._spawn(child.program, child.log)
                child.started = now
                child.restart_at = None
        _reap_orphans({child.process.pid for child in self.children.values()})

    def _repeat_news(self, child: Child) -> None:
        for line in child.log.news():
            self.say(line)
        child.log.rotate()

    def _bury(self, child: Child, now: float) -> None:
        _kill_group(child.process)
        code = child.process.wait()
        self._repeat_news(child)
        name = child.program.name
        if now - child.started > STEADY_S:
            child.failures = 0
        pause = min(MAX_BACKOFF_S, 2.0**child.failures)
        child.failures += 1
        child.restart_at = now + pause
        if code == HOPELESS_EXIT:
            raise ChildHopelessError(f"{name} cannot start; see {child.log.path}")
        where = child.log.path
        self.say(f"{name} {describe_exit(code)}; restarting in {pause:.0f} s (see {where})")

    def _stop(self, children: list[Child], seconds: float) -> None:
        alive = [child.process for child in children if child.running]
        for process in alive:
            process.terminate()
        deadline = time.monotonic() + seconds
        for process in alive:
            _wait_unreaped(process, deadline)
            _kill_group(process)
            process.wait()


@contextlib.contextmanager
def signals_blocked() -> Iterator[None]:
    """Hold the watched signals back, for ``Supervisor.run`` to fetch."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def describe_exit(code: int) -> str:
    """An exit status in words: ``ended with code 1`` or ``was killed by SIGKILL``."""
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with code {code}"


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether the child is a zombie; it stays one, so that its group id cannot be reused yet."""
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, process.pid, flags) is not None


def _wait_unreaped(process: subprocess.Popen[bytes], deadline: float) -> None:
    while not _has_ended(process) and time.monotonic() < deadline:
        time.sleep(0.05)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _children_of(parent: int) -> set[int]:
    """Process ids whose parent is ``parent`` now."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                # The name in brackets may hold anything; state and parent follow the last one.
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == parent:
                    found.add(int(entry.name))
    return found


def _kill_orphan(pid: int) -> None:
    """End one grandchild that came back to us, and those that come back when it ends."""
    offspring = _children_of(pid)
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    for child in offspring:
        _kill_orphan(child)


def _reap_orphans(ours: set[int]) -> None:
    """Bury grandchildren that came back and have ended; our own children stay for ``_bury``."""
    for pid in _children_of(os.getpid()) - ours:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def _prctl(option: int, value: int) -> None:
    _LIBC.prctl(option, ctypes.c_ulong(value), 0, 0, 0)


def interpreter(*arguments: str) -> tuple[str, ...]:
    """Command line of this Python with ``arguments``."""
    return (sys.executable, *arguments)
