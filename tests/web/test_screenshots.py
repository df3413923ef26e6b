"""Pictures of the pages with findings that the shipped detectors really made.

``make screenshots`` keeps them in docs/screenshots; a test run throws them away.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.live import LivePlatform
from tests.web import media
from tests.web.conftest import DESKTOP, PHONE, Visitor, until

pytestmark = pytest.mark.browser

PASSWORD = "a long password for the pictures"
PERSON = f"""
from accounts.models import User
if not User.objects.filter(username="lena").exists():
    User.objects.create_user("lena", password={PASSWORD!r})
"""
ANALYSED_WITHIN_S = 280
VERDICTS = ".sign-fake, .sign-real, .sign-inconclusive"
SETTLED_MS = 1200
FINDING_HEIGHT = 1600  # verdict, recording, timeline and shares; the rest is small print
FEWEST_COLOURS = 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder named by DFD_SCREENSHOTS, else one that is thrown away."""
    chosen = Path(os.environ.get("DFD_SCREENSHOTS") or tmp_path / "screenshots")
    chosen.mkdir(parents=True, exist_ok=True)
    return chosen


@pytest.fixture
def lena(chromium: Browser, live_platform: LivePlatform) -> Iterator[Visitor]:
    """An examiner who is signed in on the running platform."""
    live_platform.shell(PERSON)
    visitor = Visitor(chromium, live_platform.url)
    visitor.page.goto("/account/login/")
    visitor.page.get_by_label("Login").fill("lena")
    visitor.page.get_by_label("Password").fill(PASSWORD)
    visitor.page.get_by_role("button", name="Sign in", exact=True).click()
    yield visitor
    visitor.context.close()


@pytest.mark.timeout(600)
def test_pictures_of_a_real_analysis(
    chromium: Browser, lena: Visitor, folder: Path, tmp_path: Path
) -> None:
    case = analysed_case(lena.page, tmp_path)
    findings = [
        (link.inner_text(), link.get_attribute("href") or "")
        for link in lena.page.locator("a[data-key-row]").all()
    ]
    pages = {"home": "/", "case": case, "analyses": f"{case}analyses/", "ledger": f"{case}ledger/"}
    pages |= {f"finding-{Path(name).stem}": address for name, address in findings}
    for name, address in pages.items():
        tall = FINDING_HEIGHT if name.startswith("finding") else DESKTOP["height"]
        picture(lena.page, address, folder / f"{name}.png", tall)

    state = lena.context.storage_state()
    phone = Visitor(
        chromium, lena.address, viewport=PHONE, color_scheme="dark", storage_state=state
    )
    telling = pages.get("finding-spoken", pages["finding-call"])
    picture(phone.page, telling, folder / "finding-phone.png", PHONE["height"])
    phone.context.close()


def analysed_case(page: Page, folder: Path) -> str:
    """Open a case with generated recordings, analyse all, and wait; its address."""
    page.set_viewport_size({"width": DESKTOP["width"], "height": DESKTOP["height"]})
    page.goto("/cases/new/")
    page.get_by_label("Title").fill("Voice message and video call to the bank")
    page.get_by_label("Description").fill(
        "The bank asks whether the caller of 12 November is the account holder."
    )
    page.get_by_role("button", name="Open the case").click()
    case = page.url
    recordings = [*media.recordings(folder / "media").values()]
    if spoken := media.spoken(folder / "media"):
        recordings.append(spoken)
    page.locator("#files").set_input_files(recordings)
    expect(page.get_by_text("hashes agree")).to_have_count(len(recordings), timeout=60_000)
    page.get_by_label("Select all").check()
    page.get_by_role("button", name="Analyse selected").click()
    until(
        page,
        f"document.querySelectorAll({VERDICTS!r}).length == {len(recordings)}",
        ANALYSED_WITHIN_S,
    )
    return case


def picture(page: Page, address: str, path: Path, height: int) -> None:
    """Write the first ``height`` pixels of the page; an all but empty picture is an error."""
    assert page.viewport_size is not None
    page.set_viewport_size({"width": page.viewport_size["width"], "height": height})
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(SETTLED_MS)
    shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    colours = shown.getcolors(maxcolors=1 << 24)
    assert colours is not None
    assert len(colours) >= FEWEST_COLOURS
    shown.quantize(256).save(path, "PNG", optimize=True)
