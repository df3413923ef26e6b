"""Schemathesis against the running platform: made-up requests, right and wrong, every check on.

Deterministic, so that a failure today is a failure tomorrow. A longer search:
``schemathesis run URL/api/v1/schema --checks all --seed N``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import LivePlatform

pytestmark = [pytest.mark.queue, pytest.mark.timeout(900)]

# Seconds for the requests; starting and stopping come on top.
BUDGET_S = 120

# A request may be refused although the schema allows it: a schema cannot say that bytes are a
# recording, that a title is no blank, or which parameters suit which profile.
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", 401, 403, 404, 409, 413, 415, 422, 429, 503]
"""

HOOKS = '''
"""What a schema cannot say about our requests."""

import re
import uuid
from urllib.parse import urlencode

import schemathesis

GOOD = re.compile("[!-~]{1,255}")
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


@schemathesis.hook
def filter_case(context, case):
    """A form cannot say null: an empty field of it is one that was not filled in. An address of
    more than 4 kB is the server's to refuse (414), before it comes to us."""
    empty = case.media_type in FORMS and isinstance(case.body, dict) and "" in case.body.values()
    return not empty and len(urlencode(case.query or {}, doseq=True)) < 3000


@schemathesis.hook
def before_call(context, case, kwargs):
    """A fresh key for each well-formed one: a used key rightly refuses another request."""
    headers = case.headers or {}
    if GOOD.fullmatch(str(headers.get("Idempotency-Key", ""))):
        headers["Idempotency-Key"] = str(uuid.uuid4())
'''


def test_every_operation_conforms(live_platform: LivePlatform, tmp_path: Path) -> None:
    key = live_platform.manage("create_api_key", "admin").strip()
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    (tmp_path / "hooks.py").write_text(HOOKS)

    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "--config-file", "schemathesis.toml",
            "run", f"{live_platform.url}/api/v1/schema",
            "--header", f"Authorization: Bearer {key}",
            "--header", "Prefer: wait=0",
            "--checks", "all",
            "--phases", "coverage,fuzzing",
            "--max-examples", "3",
            "--request-timeout",
            "60",
            "--max-time", str(BUDGET_S),
            "--generation-deterministic",
            "--suppress-health-check", "all",
            "--warnings", "off",
            "--no-color",
        ],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SCHEMATHESIS_HOOKS": "hooks"},
        capture_output=True,
        text=True,
        timeout=700,
        check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    tested = re.search(r"Tested: (\d+)", done.stdout)
    selected = re.search(r"Selected: (\d+)", done.stdout)
    assert tested, done.stdout
    assert selected, done.stdout
    assert tested[1] == selected[1]
