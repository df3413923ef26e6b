"""Reading and plain upload need no JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from accounts.models import User
from cases.models import Case, Exhibit
from detection.models import Analysis
from tests.conftest import PASSWORD

pytestmark = pytest.mark.browser


def test_sign_in_open_a_case_and_upload(
    visit: Callable[..., Any], alice: User, recordings: dict[str, Path]
) -> None:
    page = visit(java_script_enabled=False).page
    page.goto("/")
    page.get_by_label("Login").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name="New case").first.click()
    page.get_by_label("Title").fill("A call in the night")
    page.get_by_role("button", name="Open the case").click()
    page.locator("#files").set_input_files([recordings["audio"], recordings["image"]])
    page.get_by_role("button", name="Upload").click()
    expect(page.locator(".notice-success")).to_have_count(2)
    case = Case.objects.get(title="A call in the night")
    assert Exhibit.objects.filter(case=case).count() == 2


def test_a_finding_can_be_read(visit: Callable[..., Any], alice: User, finding: Analysis) -> None:
    page = visit(java_script_enabled=False).enter(alice)
    page.goto(f"/analyses/{finding.pk}/")
    expect(page.get_by_role("heading", name="The findings support manipulation")).to_be_visible()
    expect(page.locator(".lr-point")).to_be_visible()
    expect(page.locator(".bars tbody tr")).to_have_count(4)
    expect(page.locator("[data-lanes] rect").first).to_be_visible()
    expect(page.get_by_text("The mouth is covered in most frames")).to_be_visible()
