"""The whole platform as a newcomer starts it, for tests that need all of it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ADMIN_PASSWORD = "an administrator's long password"


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def platform_environment(folder: Path, port: int) -> dict[str, str]:
    """A clean environment: nothing of the developer's .env or of the test settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "DFD_ENV_FILE": "",
        "DFD_DATA_DIR": str(folder / "var"),
        "DFD_STATIC_ROOT": str(folder / "staticfiles"),
        "DFD_ADMIN_NAME": "admin",
        "DFD_ADMIN_PASSWORD": ADMIN_PASSWORD,
        "DFD_HEARTBEAT_S": "1",
        "PORT": str(port),
        "OMP_NUM_THREADS": "1",
        "WEB_CONCURRENCY": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        # One receiver of web hooks on this machine.
        "DFD_WEBHOOK_HTTP": "True",
        "DFD_WEBHOOK_NETWORKS": "127.0.0.0/8",
        "DFD_WEBHOOK_PORTS": str(free_port()),
        "DFD_RATE_REQUESTS": "100000/hour",
    }


@dataclass
class LivePlatform:
    """A running ``manage.py up``. ``log`` is everything it and its children wrote."""

    url: str
    env: dict[str, str]
    process: subprocess.Popen[str]
    log: Path

    @classmethod
    def start(cls, folder: Path, **extra: str) -> LivePlatform:
        """Start on a free port with all state in ``folder``; AssertionError with the log if it
        is not ready within five minutes."""
        port = free_port()
        env = platform_environment(folder, port) | extra
        log = folder / "platform.log"
        with log.open("w") as stream:
            process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "up"],
                cwd=ROOT,
                env=env,
                stdout=stream,
                stderr=subprocess.STDOUT,
                text=True,
            )
        platform = cls(f"http://127.0.0.1:{port}", env, process, log)
        platform._wait_until_ready(300)
        return platform

    def manage(self, *arguments: str) -> str:
        """Run a management command on the live database; returns its output."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def shell(self, code: str) -> str:
        """Run Python in the live platform's Django; returns what it printed."""
        return self.manage("shell", "--no-imports", "-c", code)

    def stop(self) -> None:
        """SIGTERM, then wait; the supervisor has ten seconds."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def _wait_until_ready(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while f"dfd: ready at {self.url}" not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.terminate()
                self.process.wait(timeout=40)
                raise AssertionError(f"the platform did not start:\n{self.log.read_text()}")
            time.sleep(0.2)
