"""Where the command line keeps address and key: the environment, or a file of its owner's alone.

``DFD_URL`` and ``DFD_KEY`` come before ``$XDG_CONFIG_HOME/dfd/config.toml``; without the variable
that is ``~/.config/dfd/config.toml``.
"""

from __future__ import annotations

import json
import os
import stat
import tomllib
from dataclasses import dataclass
from pathlib import Path

from dfd_client.errors import DfdError


class NotConfigured(DfdError):
    """No address or no key is known."""


@dataclass(frozen=True)
class Config:
    """Where the platform is and the key that opens it."""

    url: str
    key: str


def config_file() -> Path:
    """The file that ``dfd login`` writes."""
    folder = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(folder) / "dfd" / "config.toml"


def state_folder() -> Path:
    """Where unfinished uploads are remembered."""
    folder = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(folder) / "dfd"


def load() -> Config:
    """What is configured. Raises NotConfigured, also for a file that others may read."""
    kept = _kept(config_file())
    url = os.environ.get("DFD_URL") or kept.get("url", "")
    key = os.environ.get("DFD_KEY") or kept.get("key", "")
    if not url or not key:
        raise NotConfigured("Run “dfd login URL”, or set DFD_URL and DFD_KEY.")
    return Config(url, key)


def save(config: Config) -> Path:
    """Write the file with mode 0600 from the first byte on."""
    file = config_file()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as stream:
        # JSON strings are TOML strings.
        stream.write(f"url = {json.dumps(config.url)}\nkey = {json.dumps(config.key)}\n")
    draft.replace(file)
    return file


def _kept(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise NotConfigured(f"Others may read {file}; run: chmod 600 {file}")
    return {name: str(value) for name, value in tomllib.loads(file.read_text()).items()}
