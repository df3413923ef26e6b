"""Where web hooks may point, whatever the name resolves to and whenever it changes its mind."""

from __future__ import annotations

import dataclasses
import socket
import threading
import time
from typing import Any

import pytest

from tests.webhooks.conftest import Receiver
from webhooks import sending
from webhooks.errors import WebhookRefused
from webhooks.guard import is_allowed, resolve
from webhooks.sending import post


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.2.3",
        "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1",
        "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::",
        "2001:0:7f00:1::", "2001:db8::1", "100.127.255.254",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not is_allowed(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_allowed(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://93.184.215.14/", "ftp://93.184.215.14/", "file:///etc/passwd", "//93.184.215.14/",
        "gopher://93.184.215.14:443/", "https://", "https://93.184.215.14:22/",
        "https://93.184.215.14:notaport/", "https://93.184.215.14:99999/",
        "https://user:word@93.184.215.14/", "https://93.184.215.14/#part",
        "https://93.184.215.14\\@127.0.0.1/", "https://93.184.215.14/a b", "https://münchen.de/",
        "https://93.184.215.14/\r\nX-Injected: 1", "https://127.0.0.1/", "https://2130706433/",
        "https://0x7f000001/", "https://127.1/", "https://0/", "https://localhost/",
        "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://169.254.169.254/latest/meta-data",
        "https://93.184.215.14/" + "a" * 500, "https://no.such.name.invalid/",
    ],
)  # fmt: skip
def test_refused_destinations(url: str) -> None:
    with pytest.raises(WebhookRefused) as refusal:
        resolve(url)
    assert refusal.value.code == "url"


def test_an_allowed_destination_keeps_its_name_for_tls() -> None:
    target = resolve("https://93.184.215.14:8443/hook?x=1")

    assert (target.secure, target.port, target.address) == (True, 8443, "93.184.215.14")
    assert (target.path, target.host_header) == ("/hook?x=1", "93.184.215.14:8443")


def answers(*addresses: str) -> list[Any]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 443)) for one in addresses]


def test_one_private_address_among_public_ones_is_enough(monkeypatch: Any) -> None:
    found = answers("93.184.215.14", "10.0.0.1")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    with pytest.raises(WebhookRefused):
        resolve("https://two-faced.example/")


def test_a_name_that_changes_its_address_is_asked_once_and_reaches_the_checked_one(
    monkeypatch: Any,
) -> None:
    """DNS rebinding: the first answer is public, every later one is this machine."""
    replies = [answers("93.184.215.14")]
    connected: list[str] = []

    def getaddrinfo(*_: Any, **__: Any) -> Any:
        return replies.pop(0) if replies else answers("127.0.0.1")

    def connect(address: tuple[str, int], **options: Any) -> Any:
        connected.append(address[0])
        raise ConnectionRefusedError("nobody listens there in a test")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket, "create_connection", connect)
    outcome = post("https://rebinding.example/", {}, b"{}")
    again = post("https://rebinding.example/", {}, b"{}")

    assert connected == ["93.184.215.14"]
    assert outcome.error == "nobody listens there in a test"
    assert "not on the public internet" in again.error


def test_a_redirect_is_an_answer_and_not_an_order(inside: None, receiver: Receiver) -> None:
    receiver.statuses = [302]
    receiver.headers = {"Location": "http://169.254.169.254/"}

    outcome = post(receiver.url, {}, b"{}")

    assert (outcome.status, outcome.taken) == (302, False)
    assert len(receiver.came) == 1


def test_a_long_answer_is_cut_and_control_characters_are_replaced(
    inside: None, receiver: Receiver
) -> None:
    receiver.statuses = [200]
    receiver.answer = b"\x00\x1b[31m" + b"a" * 5_000_000

    outcome = post(receiver.url, {}, b"{}")

    assert outcome.taken
    assert outcome.answer.startswith("\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}[31maa")
    assert len(outcome.answer) == 1000


def test_a_receiver_may_think_for_longer_than_connecting_may_take(
    inside: None, receiver: Receiver, monkeypatch: Any
) -> None:
    monkeypatch.setattr(sending, "CONNECT_S", 0.2)
    receiver.thinks_s = 1.0

    assert post(receiver.url, {}, b"{}").taken


def test_a_receiver_that_drips_is_left_after_the_deadline(settings: Any, monkeypatch: Any) -> None:
    """A byte of header every tenth of a second would keep a time-out per read waiting for ever."""
    monkeypatch.setattr(sending, "DEADLINE_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        settings.DFD = dataclasses.replace(
            settings.DFD,
            webhook_http=True,
            webhook_ports=(port,),
            webhook_networks=("127.0.0.0/8",),
        )

        def drip() -> None:
            line, _ = server.accept()
            with line:
                line.recv(4096)
                line.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
                for _ in range(100):
                    try:
                        line.sendall(b"a")
                    except OSError:
                        return
                    time.sleep(0.1)

        threading.Thread(target=drip, daemon=True).start()
        started = time.monotonic()
        outcome = post(f"http://127.0.0.1:{port}/", {}, b"{}")

    assert time.monotonic() - started < 4
    assert outcome.status is None
    assert outcome.error == "no complete answer within 1 seconds"
