"""axe-core finds nothing on any page, light and dark, wide and narrow; nothing overflows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from accounts.models import User
from detection.models import Analysis
from tests.web.addresses import pages_of_a_case, pages_of_everybody
from tests.web.conftest import DESKTOP, PHONE

pytestmark = pytest.mark.browser

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LOOKS = [("light", DESKTOP), ("dark", PHONE)]


def violations(page: Page) -> list[str]:
    """What axe-core finds on the page, in one line each."""
    # Through the debugger, not a <script>: the page's own policy would refuse that.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("rules => axe.run(document, rules)", RULES)
    return [
        f"{rule['id']}: {node['target']} {node['html'][:120]}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than the window."""
    measured: int = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return measured


@pytest.mark.parametrize(("colours", "window"), LOOKS)
def test_pages_have_no_barriers(
    visit: Callable[..., Any],
    alice: User,
    finding: Analysis,
    colours: str,
    window: dict[str, int],
) -> None:
    page = visit(color_scheme=colours, viewport=window).enter(alice)
    found: dict[str, list[str]] = {}
    for name, address in {**pages_of_everybody(), **pages_of_a_case(finding)}.items():
        page.goto(address)
        page.wait_for_load_state("networkidle")
        problems = violations(page)
        if overflow(page) > 0:
            problems.append(f"overflows by {overflow(page)} px")
        if problems:
            found[name] = problems
    assert found == {}


@pytest.mark.parametrize("address", ["/account/login/", "/nowhere/"])
def test_pages_before_signing_in_have_no_barriers(visit: Callable[..., Any], address: str) -> None:
    visitor = visit()
    visitor.page.goto(address)
    visitor.complaints.clear()  # the browser itself reports the 404 of the second address
    assert violations(visitor.page) == []


def test_the_whole_way_by_keyboard(visit: Callable[..., Any], alice: User, case: Any) -> None:
    page = visit().enter(alice)
    page.goto("/cases/")
    page.keyboard.press("/")
    page.keyboard.type("doubt")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=doubt**")
    page.locator("body").press("j")
    assert page.evaluate("document.activeElement.textContent") == case.title
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/cases/{case.number}/")
    page.goto("/cases/")
    page.locator("body").press("n")
    page.wait_for_url("**/cases/new/")
