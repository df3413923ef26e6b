"""axe-core finds nothing on any page, light and dark, wide and narrow; nothing overflows; every
step can be done with the keyboard, with the focus in sight; the reader's wish for calm is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from cases.models import Case
from tests.web.addresses import BEFORE_SIGNING_IN
from tests.web.conftest import DESKTOP, PHONE

pytestmark = pytest.mark.browser

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LOOKS = [(window, colours) for window in (DESKTOP, PHONE) for colours in ("light", "dark")]
# A window of 1280 pixels at a zoom of 200 %, as WCAG 1.4.4 and 1.4.10 measure it.
ZOOMED = {"width": 640, "height": 512}
# The pages with the longest words and the most parts.
IN_GERMAN = ("home", "cases", "evidence", "finding", "exhibit custody", "help", "security")
MOVING = """[...document.querySelectorAll("*")].filter(element => {
    const style = getComputedStyle(element);
    return style.animationName !== "none" || parseFloat(style.transitionDuration) > 0;
}).map(element => element.outerHTML.slice(0, 100))"""
IN_SIGHT = """(() => {
    const element = document.activeElement, box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    return box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0
        && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
})()"""


def violations(page: Page) -> list[str]:
    """What axe-core finds on the page, in one line each."""
    # Through the debugger, not a <script>: the page's own policy would refuse that.
    if not page.evaluate("Boolean(window.axe)"):
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


def barriers(page: Page, pages: dict[str, str], looks: Iterable[tuple[Any, Any]] = LOOKS) -> str:
    """What axe-core finds and what does not fit into the window, in lines that name page and look;
    empty when all is well."""
    found: list[str] = []
    for name, address in pages.items():
        page.goto(address)
        page.wait_for_load_state("networkidle")
        for window, colours in looks:
            page.set_viewport_size(window)
            page.emulate_media(color_scheme=colours)
            problems = violations(page)
            if overflow(page) > 0:
                problems.append(f"overflows by {overflow(page)} px")
            found += [f"{name}, {window['width']} px, {colours}: {words}" for words in problems]
    return "\n".join(found)


@pytest.mark.timeout(900)
def test_pages_have_no_barriers(
    visit: Callable[..., Any], alice: User, every_page: dict[str, str]
) -> None:
    # Colours that change at once: axe would measure the middle of a transition.
    page = visit(reduced_motion="reduce").enter(alice)
    found = barriers(page, every_page)
    assert not found, found


def test_pages_have_no_barriers_in_german(
    visit: Callable[..., Any], alice: User, every_page: dict[str, str]
) -> None:
    page = visit(reduced_motion="reduce", locale="de-DE").enter(alice)
    page.goto("/")
    assert page.evaluate("document.documentElement.lang") == "de"
    chosen = {name: every_page[name] for name in IN_GERMAN}
    looks = [(DESKTOP, "dark"), (PHONE, "light")]
    found = barriers(page, chosen, looks)
    assert not found, found


def test_pages_before_signing_in_have_no_barriers(visit: Callable[..., Any]) -> None:
    visitor = visit(reduced_motion="reduce")
    found = barriers(visitor.page, BEFORE_SIGNING_IN)
    assert not found, found
    visitor.complaints.clear()  # the browser itself reports the 404 of one of them


def test_pages_fit_when_enlarged_twice(
    visit: Callable[..., Any], alice: User, every_page: dict[str, str]
) -> None:
    page = visit(viewport=ZOOMED, device_scale_factor=2).enter(alice)
    wide = {}
    for name, address in every_page.items():
        page.goto(address)
        if overflow(page) > 0:
            wide[name] = overflow(page)
    assert wide == {}


def test_nothing_moves_for_those_who_asked_for_calm(
    visit: Callable[..., Any], alice: User, every_page: dict[str, str]
) -> None:
    page = visit(reduced_motion="reduce").enter(alice)
    for name in ("home", "evidence", "finding", "queued analysis"):
        page.goto(every_page[name])
        assert page.evaluate(MOVING) == [], name


def test_the_focus_is_always_in_sight(
    visit: Callable[..., Any], alice: User, every_page: dict[str, str]
) -> None:
    page = visit().enter(alice)
    for name in ("cases", "evidence", "finding"):
        page.goto(every_page[name])
        page.wait_for_load_state("networkidle")
        seen = set()
        while True:
            page.keyboard.press("Tab")
            here = page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
            if here.startswith("<body") or here in seen:
                break
            seen.add(here)
            page.wait_for_timeout(20)
            assert page.evaluate(IN_SIGHT), f"{name}: {here}"
        assert len(seen) > 10, name


def test_the_whole_way_by_keyboard(
    visit: Callable[..., Any], alice: User, case: Case, recordings: dict[str, Path]
) -> None:
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
    with page.expect_file_chooser() as chooser:
        tab_to(page, "#files")
        page.keyboard.press("Enter")
    chooser.value.set_files([recordings["audio"]])
    expect(page.get_by_text("hashes agree")).to_be_visible()
    expect(page.locator("#evidence tbody tr")).to_have_count(1)
    tab_to(page, "#evidence [name=exhibit]")
    page.keyboard.press("Space")
    tab_to(page, "button[type=submit]:has-text('Analyse selected')")
    page.keyboard.press("Enter")
    page.wait_for_url("**/analyses/**")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.goto("/cases/")
    page.locator("body").press("n")
    page.wait_for_url("**/cases/new/")


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus; AssertionError after a round of the page."""
    for _ in range(120):
        if page.locator(selector).first.evaluate("e => e === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} cannot be reached with the Tab key")
