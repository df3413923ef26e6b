"""The page of one exhibit says what the recording is, where it comes from and what came of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client

from accounts.models import User
from cases.models import Exhibit
from detection.models import Analysis

pytestmark = pytest.mark.usefixtures("redis_server")


def page_of(user: User, exhibit: Exhibit) -> str:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    address = f"/cases/{exhibit.case.number}/exhibits/{exhibit.number}/"
    return client.get(address).content.decode()


def test_facts_hashes_and_lineage_of_an_analysed_exhibit(alice: User, finding: Analysis) -> None:
    page = page_of(alice, finding.exhibit)
    assert "h264, 640 × 360, 25 fps" in page
    assert "aac, 16000 Hz, 1 channel" in page
    assert f'data-copy="{finding.exhibit.sha256}"' in page
    assert f'data-copy="{finding.exhibit.sha512}"' in page
    assert f'data-copy="{finding.exhibit.md5}"' in page
    assert f'data-copy="{finding.exhibit.sha1}"' in page
    assert "for look-up in old hash sets only, not for integrity" in page
    for artefact in finding.artefacts.all():
        assert f'data-copy="{artefact.sha256}"' in page
    assert 'class="tree' in page


def test_before_an_analysis_the_page_says_when_facts_come(
    alice: User, exhibits: dict[str, Exhibit]
) -> None:
    page = page_of(alice, exhibits["image"])
    assert "are read by the first analysis" in page
    assert "Not analysed yet." in page


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("valid", "not that its content is true"),
        ("untrusted", "Anybody can sign"),
        ("invalid", "changed after signing"),
        ("absent", "Their absence says nothing"),
        ("unsupported", "says nothing about the recording"),
    ],
)
def test_each_state_of_credentials_is_explained(state: str, words: str) -> None:
    origin: dict[str, Any] = {"credentials": {"state": state, "codes": ["assertion.dataHash"]}}
    panel = render_to_string("detection/_origin.html", {"origin": origin})
    assert words in panel
    assert "assertion.dataHash" in panel
