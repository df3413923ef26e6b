"""The API on the running platform: the README's lines, real findings, many clients at once."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.live import ROOT, LivePlatform
from tests.queue.media import picture, voice

# Starting everything takes minutes on a busy machine.
pytestmark = [pytest.mark.queue, pytest.mark.timeout(900)]

Call = Callable[..., requests.Response]


@pytest.fixture(scope="module")
def call(live_platform: LivePlatform) -> Call:
    """``call("GET", "/api/v1/me")`` with the administrator's key."""
    key = live_platform.manage("create_api_key", "admin").strip()

    def send(
        method: str, path: str, headers: dict[str, str] | None = None, **options: Any
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {key}", **(headers or {})}
        url = f"{live_platform.url}{path}"
        return requests.request(method, url, headers=headers, timeout=240, **options)

    return send


def finished(call: Call, analysis_id: str) -> dict[str, Any]:
    """Poll until the analysis is finished."""
    for _ in range(600):
        state = call("GET", f"/api/v1/analyses/{analysis_id}").json()
        if state["status"] not in ("queued", "running"):
            return dict(state)
        # The server answers at once; a client waits a little between two questions.
        subprocess.run(["sleep", "0.2"], check=True)
    raise AssertionError(f"still {state['status']} at {state['stage']}")


def test_lines_of_the_readme_reach_a_finding(live_platform: LivePlatform, tmp_path: Path) -> None:
    (tmp_path / "recording.wav").write_bytes(voice(5.0))
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    script = "\n".join(block for block in blocks if "curl" in block)
    script = script.replace(".venv/bin/python manage.py", f"{sys.executable} {ROOT}/manage.py")
    script = script.replace("http://127.0.0.1:8000", live_platform.url)

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=live_platform.env,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    decoder, answers, text = json.JSONDecoder(), [], done.stdout.strip()
    while text:
        answer, end = decoder.raw_decode(text)
        answers.append(answer)
        text = text[end:].lstrip()
    finding, compatible = answers
    assert set(finding) == {"verdict", "probability", "log10_lr"}
    assert finding["verdict"] in {"REAL", "FAKE", "INCONCLUSIVE"}
    assert compatible["model"] == "AASIST"
    assert compatible["details"]["audio_duration"] == pytest.approx(5.0, abs=0.1)


def test_picture_in_one_call_with_its_derived_files(call: Call) -> None:
    case = call("POST", "/api/v1/cases", json={"title": "One picture"}).json()
    answer = call(
        "POST",
        "/detect/image",
        files={"file": ("photo.png", picture(1))},
        data={"case": case["number"]},
        headers={"Prefer": "wait=60"},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["model"] == "Xception"
    assert answer.json()["details"]["image_size"] == [96, 96]

    rows = call("GET", f"/api/v1/analyses?case={case['id']}").json()["results"]
    assert [row["status"] for row in rows] == ["complete"]
    files = call("GET", f"/api/v1/analyses/{rows[0]['id']}/artefacts").json()["results"]
    assert files
    part = call(
        "GET", f"/api/v1/artefacts/{files[0]['id']}/content", headers={"Range": "bytes=0-3"}
    )
    assert (part.status_code, len(part.content)) == (206, 4)
    ledger = call("GET", f"/api/v1/cases/{case['id']}/ledger").json()["results"]
    actions = [entry["action"] for entry in ledger]
    assert {"case.created", "evidence.received", "analysis.submitted", "analysis.completed"} <= set(
        actions
    )


def test_corrupt_file_is_named_and_the_worker_lives_on(call: Call) -> None:
    case = call("POST", "/api/v1/cases", json={"title": "Broken"}).json()["id"]
    broken = picture(2)[:200]

    answer = call(
        "POST", "/detect/image", files={"file": ("broken.png", broken)}, data={"case": case},
        headers={"Prefer": "wait=60"},
    )  # fmt: skip
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"

    whole = call(
        "POST", "/detect/image", files={"file": ("whole.png", picture(3))}, data={"case": case},
        headers={"Prefer": "wait=60"},
    )  # fmt: skip
    assert whole.status_code == 200


def test_two_hundred_clients_lose_and_double_nothing(
    live_platform: LivePlatform, call: Call
) -> None:
    """All upload at once; every fourth submits, twice, as a client with a bad line would."""
    case = call("POST", "/api/v1/cases", json={"title": "Rush"}).json()["id"]

    def client(number: int) -> str:
        uploaded = call(
            "POST",
            f"/api/v1/cases/{case}/evidence",
            files={"file": (f"{number}.png", picture(100 + number, size=40))},
        )
        assert uploaded.status_code == 201, uploaded.text
        if number % 4:
            return ""
        body = {"exhibit": uploaded.json()["id"]}
        headers = {"Idempotency-Key": f"rush-{number}"}
        sent = [call("POST", "/api/v1/analyses", json=body, headers=headers) for _ in range(2)]
        assert [answer.status_code for answer in sent] == [202, 202], sent[1].text
        assert sent[0].json()["id"] == sent[1].json()["id"]
        return str(sent[0].json()["id"])

    with ThreadPoolExecutor(200) as pool:
        submitted = [analysis for analysis in pool.map(client, range(200)) if analysis]

    assert len(set(submitted)) == 50
    states = [finished(call, analysis_id)["status"] for analysis_id in submitted]
    assert states == ["complete"] * 50
    numbers = call("GET", f"/api/v1/cases/{case}/evidence?page_size=200").json()["results"]
    assert sorted(row["number"] for row in numbers) == list(range(1, 201))
    assert "The ledger is intact" in live_platform.manage("verify_audit")
