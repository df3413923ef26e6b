"""A resumable upload outlives the server: killed in the middle of a piece, it goes on after."""

from __future__ import annotations

import base64
import hashlib
import http.client
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts import services as account_services
from accounts.actors import user_actor
from cases.models import Case, Exhibit, Upload
from tests.conftest import ROOT

# Two saved stretches of 8 MiB and a rest, as a BMP whose header is all that is looked at.
SIZE = 18 * 1024 * 1024
CONTENT = b"BM" + bytes(12) + (40).to_bytes(4, "little") + bytes(SIZE - 18)


@contextmanager
def server(env: dict[str, str]) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Gunicorn with this test's database; yields its port and process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "dfd_platform.wsgi", "-b", f"127.0.0.1:{port}"]
    with subprocess.Popen(command, env=env, cwd=ROOT) as process:
        try:
            wait_until(lambda: socket.create_connection(("127.0.0.1", port), 1).close() is None)
            yield port, process
        finally:
            process.terminate()


def wait_until(done: Any) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if done():
                return
        except OSError:
            pass
        assert time.monotonic() < deadline, "the server did not get there in a minute"
        time.sleep(0.05)


def ask(port: int, method: str, address: str, body: bytes = b"", **headers: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, address, body, headers={"Tus-Resumable": "1.0.0", **headers})
    return connection.getresponse()


def test_upload_goes_on_after_the_server_was_killed(
    process_env: dict[str, str], case: Case, alice: Any
) -> None:
    _, key = account_services.create_api_key(
        actor=user_actor(alice),
        owner=alice,
        name="uploader",
        scopes=["evidence:write"],
        expires_at=timezone.now() + timedelta(hours=1),
    )
    signed = {"Authorization": f"Bearer {key}"}
    kind = {"Content-Type": "application/offset+octet-stream"}
    metadata = f"case {base64.b64encode(str(case.pk).encode()).decode()}"

    with server(process_env) as (port, process):
        answer = ask(
            port,
            "POST",
            "/api/v1/uploads/",
            **signed,
            **{"Upload-Length": str(SIZE), "Upload-Metadata": metadata},
        )
        assert answer.status == 201, answer.read()
        address = answer.headers["Location"]
        line = http.client.HTTPConnection("127.0.0.1", port)
        line.putrequest("PATCH", address)
        for name, value in {
            **signed,
            **kind,
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": "0",
            "Content-Length": str(SIZE),
        }.items():
            line.putheader(name, value)
        line.endheaders(CONTENT[: 12 * 1024 * 1024])
        wait_until(lambda: Upload.objects.get().offset >= 8 * 1024 * 1024)
        children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True)
        process.send_signal(signal.SIGKILL)
        for child in children.stdout.split():
            subprocess.run(["kill", "-9", child], check=False)

    with server(process_env) as (port, _):
        offset = int(ask(port, "HEAD", address, **signed).headers["Upload-Offset"])
        assert 8 * 1024 * 1024 <= offset < SIZE
        last = ask(
            port,
            "PATCH",
            address,
            CONTENT[offset:],
            **signed,
            **kind,
            **{"Upload-Offset": str(offset)},
        )
        assert last.status == 204, last.read()
    exhibit = Exhibit.objects.get(pk=last.headers["DFD-Exhibit"])
    assert exhibit.sha256 == hashlib.sha256(CONTENT).hexdigest()
