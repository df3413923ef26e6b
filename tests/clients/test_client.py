"""What an integrator relies on: resumed uploads, nothing done twice, hashes that are compared."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from dfd_client import (
    AsyncClient,
    Client,
    Conflict,
    Forbidden,
    HashMismatch,
    Invalid,
    InvalidSignature,
    NotFound,
    RateLimited,
    Unauthorized,
    Unreachable,
    WaitedTooLong,
    uploads,
    verify_webhook,
)
from tests.live import LivePlatform

pytestmark = [pytest.mark.queue, pytest.mark.timeout(900)]
Connect = Callable[..., Client]


def test_upload_analysis_and_downloads(client: Client, photo: Path, tmp_path: Path) -> None:
    sent: list[tuple[int, int]] = []
    case = client.create_case("A photo")
    exhibit = client.upload(
        photo, case["id"], acquisition={"source": "a phone"}, progress=lambda *at: sent.append(at)
    )
    size = photo.stat().st_size
    assert (sent[0], sent[-1]) == ((0, size), (size, size))
    assert exhibit["sha256"] == hashlib.sha256(photo.read_bytes()).hexdigest()
    assert client.case(case["number"]) == client.case(case["id"])

    analysis = client.wait(client.analyse(exhibit["id"])["id"], timeout_s=300)
    assert analysis["status"] == "complete"
    assert client.finding(analysis["id"])["verdict"] in {"REAL", "FAKE", "INCONCLUSIVE"}
    assert client.reviews(analysis["id"]) == []
    assert client.review_requests(analysis=analysis["id"], answered="false") == []
    copy = client.download_exhibit(exhibit["id"], tmp_path / "copy.png", "a second look")
    assert copy.read_bytes() == photo.read_bytes()
    for artefact in client.artefacts(analysis["id"])[:1]:
        client.download_artefact(artefact, tmp_path / "derived")
    assert "evidence.downloaded" in [entry["action"] for entry in client.ledger(case["id"])]


def test_an_interrupted_upload_goes_on_in_another_run(
    connect: Connect, client: Client, photo: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(uploads, "PIECE", photo.stat().st_size // 4 + 1)
    case = client.create_case("Interrupted")

    def cut_after_two(request: httpx.Request, go_on: Callable[[], httpx.Response]) -> Any:
        pieces = [one for one in first._http._transport.passed if one.method == "PATCH"]  # type: ignore[attr-defined]
        if len(pieces) > 2:
            raise KeyboardInterrupt
        return go_on()

    first = connect(cut_after_two)
    with pytest.raises(KeyboardInterrupt):
        first.upload(photo, case["id"], state=tmp_path / "state")

    second = connect()
    exhibit = second.upload(photo, case["id"], state=tmp_path / "state")
    passed = second._http._transport.passed  # type: ignore[attr-defined]
    assert [one.method for one in passed] == ["HEAD", "PATCH", "HEAD", "PATCH", "GET"]
    assert exhibit["sha256"] == hashlib.sha256(photo.read_bytes()).hexdigest()
    assert list((tmp_path / "state").iterdir()) == []


def test_a_bad_line_loses_and_changes_nothing(
    connect: Connect, client: Client, photo: Path, monkeypatch: Any
) -> None:
    """Answers get lost, a piece arrives changed; the exhibit is right all the same."""
    monkeypatch.setattr(uploads, "PIECE", photo.stat().st_size // 3 + 1)
    case = client.create_case("Bad line")
    lost = iter([False, True, False, True] + [False] * 100)
    changed = iter([True] + [False] * 100)

    def bad(request: httpx.Request, go_on: Callable[[], httpx.Response]) -> Any:
        if request.method == "PATCH" and next(changed):
            content = bytearray(request.content)
            content[5] ^= 255
            request.stream = httpx.ByteStream(bytes(content))
        response = go_on()
        if next(lost):
            response.close()
            raise httpx.ReadError("the line broke")
        return response

    exhibit = connect(bad).upload(photo, case["id"])
    assert exhibit["sha256"] == hashlib.sha256(photo.read_bytes()).hexdigest()
    assert len(client.exhibits(case["id"])) == 1


def test_a_lost_answer_does_not_make_two_cases(connect: Connect, client: Client) -> None:
    lost = iter([True, False])

    def lose_first(_: httpx.Request, go_on: Callable[[], httpx.Response]) -> Any:
        response = go_on()
        if next(lost):
            response.close()
            raise httpx.ReadError("the line broke")
        return response

    made = connect(lose_first).create_case("Only one of these")
    found = client.cases(title="Only one of these")
    assert [case["id"] for case in found] == [made["id"]]


def test_a_changed_download_is_refused_and_leaves_no_file(
    connect: Connect, client: Client, photo: Path, tmp_path: Path
) -> None:
    case = client.create_case("Changed")
    exhibit = client.upload(photo, case["id"])

    def change(request: httpx.Request, go_on: Callable[[], httpx.Response]) -> Any:
        response = go_on()
        if request.url.path.endswith("/content"):
            content = bytearray(response.read())
            content[-1] ^= 1
            return httpx.Response(200, stream=httpx.ByteStream(bytes(content)))
        return response

    target = tmp_path / "copy.png"
    with pytest.raises(HashMismatch, match="was stated"):
        connect(change).download_exhibit(exhibit["id"], target, "x")
    assert {file.name for file in tmp_path.iterdir()} == {"photo.png", "var"}


def test_refusals_are_exceptions_by_kind(
    connect: Connect, client: Client, photo: Path, live_platform: LivePlatform, tmp_path: Path
) -> None:
    with pytest.raises(Unauthorized) as unauthorized:
        connect(plaintext="dfd_wrong").me()
    assert unauthorized.value.request_id
    with pytest.raises(NotFound):
        client.case("1999-0001")
    with pytest.raises(Invalid) as invalid:
        client.create_case("  ")
    assert "title" in invalid.value.errors
    reader = live_platform.manage("create_api_key", "admin", "--scope", "case:read").strip()
    with pytest.raises(Forbidden):
        connect(plaintext=reader).create_case("x")
    case = client.create_case("Refused")
    words = tmp_path / "words.png"
    words.write_bytes(b"no picture at all " * 99)
    with pytest.raises(Exception, match="415 unsupported_type"):
        client.upload(words, case["id"])
    limited = live_platform.manage("create_api_key", "admin", "--quota-analyses", "1").strip()
    exhibit = client.upload(photo, case["id"])
    with connect(plaintext=limited) as few:
        queued = few.analyse(exhibit["id"])
        with pytest.raises(RateLimited) as used_up:
            few.analyse(exhibit["id"])
        assert used_up.value.code == "quota_used_up"
        assert used_up.value.retry_after is not None
        few.wait(queued["id"], timeout_s=300)
        with pytest.raises(Conflict):
            few.cancel(queued["id"])
    with pytest.raises(ValueError, match="unknown acquisition"):
        client.upload(photo, case["id"], acquisition={"colour": "red"})
    with pytest.raises(Unreachable), Client("http://127.0.0.1:9", "x") as nobody:
        nobody.run(uploads._offset("/x"))


def test_waiting_ends(client: Client, photo: Path) -> None:
    case = client.create_case("Waiting")
    analysis = client.analyse(client.upload(photo, case["id"])["id"])
    with pytest.raises(WaitedTooLong, match=analysis["id"]):
        client.wait(analysis["id"], timeout_s=0)


def test_the_asynchronous_client_does_the_same(
    live_platform: LivePlatform, key: str, photo: Path, tmp_path: Path
) -> None:
    async def work() -> str:
        async with AsyncClient(live_platform.url, key) as dfd:
            case, me = await asyncio.gather(dfd.create_case("Awaited"), dfd.me())
            assert me["kind"] == "api_key"
            exhibit = await dfd.upload(photo, case["id"])
            analysis = await dfd.wait((await dfd.analyse(exhibit["id"]))["id"], timeout_s=300)
            await dfd.download_exhibit(exhibit["id"], tmp_path / "copy.png", "x")
            return analysis["status"]

    assert asyncio.run(work()) == "complete"
    assert (tmp_path / "copy.png").read_bytes() == photo.read_bytes()


def test_both_clients_have_the_same_methods() -> None:
    assert set(vars(Client)) ^ set(vars(AsyncClient)) <= {
        "__enter__", "__exit__", "__aenter__", "__aexit__",
    }  # fmt: skip


def test_lists_are_read_to_the_end(client: Client) -> None:
    rows = [client.create_case(f"Many {number}")["id"] for number in range(3)]
    found = client.cases(title="Many ", page_size=1)
    assert [case["id"] for case in found] == rows[::-1]


def signed(secret: str, body: bytes, seconds: float) -> str:
    message = f"{int(seconds)}.".encode() + body
    return f"t={int(seconds)},v1={hmac.new(secret.encode(), message, 'sha256').hexdigest()}"


def test_webhook_signatures() -> None:
    body, now = json.dumps({"id": "1"}).encode(), time.time()
    good = signed("whsec_a", body, now)

    assert verify_webhook("whsec_a", good, body) == {"id": "1"}
    other = signed("whsec_b", body, now).split(",")[1]
    assert verify_webhook("whsec_b", f"{good},{other}", body) == {"id": "1"}
    for secret, header, content in (
        ("whsec_b", good, body),
        ("whsec_a", good, body + b" "),
        ("whsec_a", signed("whsec_a", body, now - 301), body),
        ("whsec_a", signed("whsec_a", body, now + 301), body),
        ("whsec_a", good.replace("v1=", "v0="), body),
        ("whsec_a", "", body),
        ("whsec_a", "t=²,v1=é", body),
    ):
        with pytest.raises(InvalidSignature):
            verify_webhook(secret, header, content)
