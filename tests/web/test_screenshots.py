"""Pictures of the pages. ``make screenshots`` writes them to docs/screenshots."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from accounts.actors import user_actor
from accounts.models import User
from cases import services as case_services
from cases.models import Exhibit
from detection import services
from detection.models import Analysis, ReviewKind
from tests.web.addresses import pages_of_a_case
from tests.web.conftest import DESKTOP, PHONE, finished

pytestmark = pytest.mark.browser

FEWEST_COLOURS = 40
SETTLED_MS = 900
SHOTS = [
    # name, page, window, colours, whole page
    ("home", "home", DESKTOP, "light", False),
    ("case", "evidence", DESKTOP, "light", False),
    ("exhibit", "exhibit", DESKTOP, "light", False),
    ("finding", "finding", DESKTOP, "light", True),
    ("finding-dark", "finding", DESKTOP, "dark", False),
    ("ledger", "ledger", DESKTOP, "light", False),
    ("finding-phone", "finding", PHONE, "dark", False),
    ("case-phone", "evidence", PHONE, "light", False),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """docs/screenshots when asked for through DFD_SCREENSHOTS, else a folder thrown away."""
    wanted = os.environ.get("DFD_SCREENSHOTS", "")
    chosen = Path(wanted) if wanted else tmp_path
    chosen.mkdir(parents=True, exist_ok=True)
    return chosen


@pytest.fixture
def lived_in(alice: User, bob: User, finding: Analysis, exhibits: dict[str, Exhibit]) -> Analysis:
    """The case with a note, findings of several exhibits and an opinion."""
    case_services.edit_case(
        actor=user_actor(alice),
        case=finding.exhibit.case,
        title="Video call to the bank",
        description="The bank asks whether the caller of 12 November is the account holder.",
    )
    case_services.add_note(
        actor=user_actor(bob), case=finding.exhibit.case, text="Handed over on a **USB stick**."
    )
    finished(alice, exhibits["audio"])
    services.submit_analysis(actor=user_actor(alice), exhibit=exhibits["image"])
    services.add_review(
        actor=user_actor(bob),
        analysis=finding,
        kind=ReviewKind.OPINION,
        text="The mouth flickers between 0:01 and 0:05. I agree with the finding.",
        agrees=True,
    )
    return finding


@pytest.mark.parametrize(("name", "page_name", "window", "colours", "whole"), SHOTS)
def test_picture_of(
    visit: Callable[..., Any],
    alice: User,
    lived_in: Analysis,
    folder: Path,
    name: str,
    page_name: str,
    window: dict[str, int],
    colours: str,
    whole: bool,
) -> None:
    page = visit(color_scheme=colours, viewport=window).enter(alice)
    addresses = {"home": "/", **pages_of_a_case(lived_in)}
    page.goto(addresses[page_name])
    page.wait_for_load_state("networkidle")
    if whole:  # pictures load when they come into view
        page.locator("footer").scroll_into_view_if_needed()
        page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(SETTLED_MS)
    content = page.screenshot(full_page=whole)
    (folder / f"{name}.png").write_bytes(_smaller(content))
    colours_used = Image.open(io.BytesIO(content)).convert("RGB").getcolors(maxcolors=1 << 24)
    assert colours_used is not None
    assert len(colours_used) >= FEWEST_COLOURS


def _smaller(png: bytes) -> bytes:
    """The picture with 256 colours, which is all a page needs."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(256).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
