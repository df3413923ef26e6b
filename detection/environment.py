"""What a worker computes with, recorded beside each run: code, packages, container, hardware."""

from __future__ import annotations

import hashlib
import os
import platform
import socket
from functools import lru_cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import torch
from django.conf import settings

# Where NVIDIA's kernel module states its version.
DRIVER = Path("/proc/driver/nvidia/version")


@lru_cache(maxsize=1)
def describe() -> dict[str, Any]:
    """JSON types only; the same for the life of the process."""
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "git_commit": os.environ.get("DFD_GIT_COMMIT", ""),
        "image_digest": os.environ.get("DFD_IMAGE_DIGEST", ""),
        "lock_sha256": _lock_sha256(),
        "packages_sha256": _packages_sha256(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "cuda": _cuda(),
    }


def _lock_sha256() -> str:
    lock = settings.BASE_DIR / "requirements.txt"
    return hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else ""


def _packages_sha256() -> str:
    """Of the sorted ``name==version`` lines of everything installed."""
    lines = sorted(f"{item.metadata['Name']}=={item.version}" for item in distributions())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _cuda() -> dict[str, Any] | None:
    if not torch.cuda.is_available():
        return None
    return {
        "runtime": torch.version.cuda,
        "driver": DRIVER.read_text().splitlines()[0] if DRIVER.is_file() else "",
        "device": torch.cuda.get_device_name(),
        "capability": list(torch.cuda.get_device_capability()),
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        "memory_bytes": torch.cuda.get_device_properties(0).total_memory,
    }
