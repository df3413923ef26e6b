"""Everything ``manage.py up`` does around the supervisor: check, prepare, choose the programs."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import http.client
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.management import call_command
from django.db import connections
from redis import Redis
from redis.exceptions import RedisError

from dfd_platform.conf import embedded_redis_socket
from dfd_platform.embedded_redis import redis_command
from dfd_platform.static_files import collect_if_changed
from dfd_platform.supervisor import Program, Supervisor, interpreter

INFERENCE_WORKER = "inference worker"
REDIS_START_S = 20.0
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (compared, never bound)


class StartError(Exception):
    """The platform cannot start; the message says in one line what to do."""


@dataclass(frozen=True)
class Address:
    """Where the site listens."""

    host: str
    port: int

    @classmethod
    def from_environment(cls) -> Address:
        """``HOST`` and ``PORT``; StartError when the port is not a number from 1 to 65535."""
        text = settings.PORT
        if not text.isdecimal() or not 1 <= int(text) <= 65535:
            raise StartError(f"PORT is {text!r}; give a number from 1 to 65535.")
        return cls(settings.HOST, int(text))

    @property
    def bind(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        host = ANY_ADDRESS.get(self.host, self.host)
        return f"http://[{host}]:{self.port}/" if ":" in host else f"http://{host}:{self.port}/"

    def check_free(self) -> None:
        """StartError when nobody could listen here now."""
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0]
            with socket.socket(found[0], socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(found[4])
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise StartError(
                    f"port {self.port} on {self.host} is in use; set PORT to a free one."
                ) from error
            reason = error.strerror or str(error)
            raise StartError(
                f"cannot listen on {self.host}:{self.port}: {reason}; set HOST and PORT."
            ) from error

    def answers(self) -> bool:
        """Whether the site answers now."""
        host = ANY_ADDRESS.get(self.host, self.host)
        connection = http.client.HTTPConnection(host, self.port, timeout=10)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def lock_data_dir() -> IO[str]:
    """Hold the returned file open: one platform per data folder. StartError when it is taken."""
    folder: Path = settings.DFD.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "up.lock").open("w")
        (folder / "up.lock").chmod(0o600)
    except OSError as error:
        raise StartError(
            f"cannot write to {folder}: {error.strerror}; set DFD_DATA_DIR to a folder of yours."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise StartError(
            f"another platform is already running on {folder}; stop it or set DFD_DATA_DIR."
        ) from error
    return lock


def prepare() -> None:
    """Bring database, first administrator and static files up to date."""
    call_command("migrate", interactive=False, verbosity=0)
    call_command("ensure_admin")
    collect_if_changed()
    connections.close_all()


def redis_program() -> Program:
    """The bundled Redis, for when REDIS_URL names no other."""
    socket_path = Path(settings.REDIS_URL.removeprefix("unix://"))
    folder: Path = settings.DFD.data_dir / "redis"
    folder.mkdir(mode=0o700, exist_ok=True)
    socket_path.parent.mkdir(mode=0o700, exist_ok=True)
    if socket_path.parent.stat().st_uid != os.getuid():
        raise StartError(f"{socket_path.parent} belongs to somebody else; remove it.")
    return Program(
        "redis",
        tuple(redis_command(socket=socket_path, folder=folder)),
        orphan_signal=signal.SIGTERM,
        stop_last=True,
    )


def programs(address: Address) -> list[Program]:
    """What runs besides the supervisor and Redis."""
    manage = str(settings.BASE_DIR / "manage.py")
    site = interpreter(
        "-m",
        "gunicorn",
        "--config",
        str(settings.BASE_DIR / "deploy" / "gunicorn.conf.py"),
        "--bind",
        address.bind,
        "dfd_platform.wsgi:application",
    )
    return [
        Program(
            INFERENCE_WORKER,
            interpreter(manage, "inference_worker", "--ready-file", str(_ready_file())),
        ),
        Program("light worker", interpreter(manage, "light_worker")),
        Program("web hooks", interpreter(manage, "webhook_worker")),
        Program("reconciler", interpreter(manage, "reconcile")),
        Program("web server", site, orphan_signal=signal.SIGTERM),
    ]


def wait_for_redis() -> None:
    """Return once Redis answers; StartError after 20 s."""
    deadline = time.monotonic() + REDIS_START_S
    client = Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2)
    while True:
        try:
            client.ping()
            return
        except RedisError as error:
            if time.monotonic() > deadline:
                raise StartError(
                    f"Redis at {settings.REDIS_URL} does not answer: {error}"
                ) from error
        time.sleep(0.1)


def readiness(supervisor: Supervisor, address: Address) -> Callable[[], bool]:
    """A question for ``Supervisor.run``: is the worker warm and does the site answer?"""

    def is_ready() -> bool:
        # The worker writes its pid after its models are loaded; an old file names another pid.
        with contextlib.suppress(OSError):
            if _ready_file().read_text().strip() == str(supervisor.pid(INFERENCE_WORKER)):
                return address.answers()
        return False

    return is_ready


def remove_socket_folder() -> None:
    """Take away the private folder of a socket that could not lie in the data folder."""
    folder = embedded_redis_socket(settings.DFD.data_dir).parent
    if folder != settings.DFD.data_dir:
        shutil.rmtree(folder, ignore_errors=True)


def child_environment(address: Address) -> dict[str, str]:
    """Our environment for every child, unbuffered so that its lines appear at once."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "dfd_platform.settings",
        "DFD_DATA_DIR": str(settings.DFD.data_dir),
        "HOST": address.host,
        "PORT": str(address.port),
        "PYTHONUNBUFFERED": "1",
        "DFD_LOG_FORMAT": "json",
    }


def _ready_file() -> Path:
    return Path(settings.DFD.data_dir / "inference-worker.ready")
