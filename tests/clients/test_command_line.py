"""``dfd`` as a person types it, and the examples of docs/api as they stand there."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live import ROOT, LivePlatform
from tests.queue.media import voice

pytestmark = [pytest.mark.queue, pytest.mark.timeout(900)]
SOURCE = ROOT / "clients" / "python" / "src"
EXAMPLES = ROOT / "docs" / "api"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(live_platform: LivePlatform, key: str, tmp_path: Path) -> dict[str, str]:
    """A shell of somebody who has the client and a key."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(SOURCE),
        "DFD_URL": live_platform.url,
        "DFD_KEY": key,
    }


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Run:
    """``run("sh", "x.sh", status=0)``: a command in a fresh home."""

    def start(*command: str, status: int = 0, **options: Any) -> Any:
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=options.pop("env", environment),
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
            **options,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done

    return start


@pytest.fixture
def dfd(run: Run) -> Callable[..., Any]:
    """``dfd("cases")``: the command's output."""

    def start(*arguments: str, status: int = 0, **options: Any) -> str:
        done = run(sys.executable, "-m", "dfd_client", *arguments, status=status, **options)
        return str(done.stdout + done.stderr)

    return start


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A voice that is new to the platform."""
    file = tmp_path / "call.wav"
    file.write_bytes(voice(2.0) + os.urandom(8) * 0)
    return file


def test_from_login_to_a_verified_bundle(
    dfd: Callable[..., str], environment: dict[str, str], key: str, recording: Path, tmp_path: Path
) -> None:
    bare = {name: value for name, value in environment.items() if not name.startswith("DFD_")}
    assert "dfd login" in dfd("me", status=1, env=bare)
    url = environment["DFD_URL"]
    assert "signed in as admin" in dfd("login", url, input=f"{key}\n", env=bare)
    file = tmp_path / ".config" / "dfd" / "config.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "case:write" in dfd("me", env=bare)
    file.chmod(0o644)
    assert "chmod 600" in dfd("me", status=1, env=bare)
    file.chmod(0o600)

    number = dfd("cases", "--new", "From the shell").split()[0]
    (exhibit,) = json.loads(dfd("--json", "upload", number, str(recording)))
    assert "verdict" in dfd("analyse", exhibit["id"], "--wait")
    (again,) = json.loads(dfd("--json", "analyse", exhibit["id"]))
    assert again["id"] in dfd("status", again["id"])
    dfd("bundle", number, "-o", "bundle.zip")
    assert "Everything fits" in dfd("verify", "bundle.zip")
    content = bytearray((tmp_path / "bundle.zip").read_bytes())
    where = content.index(b"From the shell") if b"From the shell" in content else len(content) // 2
    content[where] ^= 1
    (tmp_path / "bundle.zip").write_bytes(content)
    dfd("verify", "bundle.zip", status=1)
    assert "404 not_found" in dfd("finding", "00000000-0000-0000-0000-000000000000", status=1)


def test_example_analyse_sh(run: Run, recording: Path) -> None:
    done = run("sh", str(EXAMPLES / "analyse.sh"), str(recording))
    assert set(json.loads(done.stdout)) == {"verdict", "probability", "log10_lr"}


def test_example_upload_resumable_sh(run: Run, dfd: Callable[..., str], recording: Path) -> None:
    (case,) = json.loads(dfd("--json", "cases", "--new", "In two pieces"))
    done = run("sh", str(EXAMPLES / "upload_resumable.sh"), str(recording), case["id"])
    (analysis,) = json.loads(dfd("--json", "analyse", done.stdout.strip()))
    assert analysis["case"] == case["id"]


def test_example_analyse_py(run: Run, recording: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    done = run(sys.executable, str(EXAMPLES / "analyse.py"), str(recording), str(folder))
    assert done.stdout.split()[0] in {"REAL", "FAKE", "INCONCLUSIVE"}
    assert {file.suffix for file in folder.iterdir()} == {".html", ".zip"}


@pytest.fixture
def receiver(environment: dict[str, str], live_platform: LivePlatform, tmp_path: Path) -> Iterator[
    Callable[[str], Path]
]:  # fmt: skip
    """``receiver(secret)``: the example receiver on the one port that is allowed; its output."""
    started: list[subprocess.Popen[bytes]] = []
    output = tmp_path / "received.txt"

    def start(secret: str) -> Path:
        with output.open("wb") as stream:
            started.append(
                subprocess.Popen(
                    [
                        sys.executable,
                        str(EXAMPLES / "receive_webhooks.py"),
                        live_platform.env["DFD_WEBHOOK_PORTS"],
                    ],
                    env={**environment, "DFD_SECRET": secret},
                    stdout=stream,
                    stderr=subprocess.DEVNULL,
                )
            )
        return output

    yield start
    for process in started:
        process.terminate()
        process.wait(10)


def test_example_receive_webhooks_py(
    live_platform: LivePlatform, key: str, receiver: Callable[[str], Path], recording: Path
) -> None:
    """The whole way: a service, the ledger, the light worker, the network, the client's check."""
    from dfd_client import Client

    with Client(live_platform.url, key) as client:
        case = client.create_case("Told")
        port = live_platform.env["DFD_WEBHOOK_PORTS"]
        hook = client.create_webhook(
            f"http://127.0.0.1:{port}/", ["evidence.received", "analysis.finished"], case["id"]
        )
        output = receiver(str(hook["secret"]))
        exhibit = client.upload(recording, case["id"])
        analysis = client.wait(client.analyse(exhibit["id"])["id"], timeout_s=300)
        expected = {
            f"evidence.received {exhibit['id']}",
            f"analysis.finished {analysis['id']}",
        }
        ends = time.monotonic() + 120
        while set(output.read_text().splitlines()) != expected and time.monotonic() < ends:
            time.sleep(0.5)
    assert set(output.read_text().splitlines()) == expected
