"""The web processes serve pages and the API without loading a single network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import django, sys
django.setup()
import dfd_platform.urls
print(" ".join(sorted({"torch", "numpy", "ml.detector"} & sys.modules.keys())))
"""


def test_no_network_is_loaded(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "dfd_platform.settings",
            "DFD_DATA_DIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == ""
