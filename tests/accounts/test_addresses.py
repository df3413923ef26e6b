"""Whose address counts behind proxies."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from django.test import RequestFactory

from accounts.addresses import client_ip


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("198.51.100.4", "", "198.51.100.4"),
        # A stranger's header is not believed.
        ("198.51.100.4", "127.0.0.1", "198.51.100.4"),
        ("10.0.0.1", "198.51.100.4", "198.51.100.4"),
        # What the caller wrote before the proxy added the true address is not believed either.
        ("10.0.0.1", "127.0.0.1, 198.51.100.4", "198.51.100.4"),
        ("10.0.0.1", "198.51.100.4, 10.0.0.2", "198.51.100.4"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("", "198.51.100.4", ""),
    ],
)
def test_only_trusted_proxies_speak_for_others(
    settings: Any, peer: str, forwarded: str, expected: str
) -> None:
    settings.DFD = dataclasses.replace(settings.DFD, trusted_proxies=("10.0.0.0/8",))
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer)
    assert client_ip(request) == expected


def test_without_trusted_proxies_the_peer_counts() -> None:
    request = RequestFactory().get(
        "/", headers={"X-Forwarded-For": "192.0.2.1"}, REMOTE_ADDR="10.0.0.1"
    )
    assert client_ip(request) == "10.0.0.1"
    assert client_ip(None) == ""
