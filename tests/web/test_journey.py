"""An examiner's whole way on the running platform: second factor, case, evidence, finding,
opinion, another person's sign-off, bundle, and the check of the bundle by a stranger."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from playwright.sync_api import Browser, Page, expect

from tests.live import LivePlatform
from tests.web.conftest import DESKTOP, PHONE, Visitor, until

pytestmark = pytest.mark.browser

PASSWORD = "a long password for the journey"
ANALYSED_WITHIN_S = 200
BUNDLED_WITHIN_MS = 90_000
PEOPLE = f"""
from accounts.models import User
for name in ("erin", "rosa"):
    if not User.objects.filter(username=name).exists():
        User.objects.create_user(name, password={PASSWORD!r})
from allauth.mfa.models import Authenticator
Authenticator.objects.filter(user__username="erin").delete()
"""


@pytest.fixture(params=[DESKTOP, PHONE], ids=["wide", "phone"])
def window(request: pytest.FixtureRequest) -> dict[str, int]:
    size: dict[str, int] = request.param
    return size


def test_from_sign_in_to_a_verified_bundle(
    chromium: Browser,
    live_platform: LivePlatform,
    recordings: dict[str, Path],
    window: dict[str, int],
    tmp_path: Path,
) -> None:
    live_platform.shell(PEOPLE)
    examiner = Visitor(chromium, live_platform.url, viewport=window)
    reviewer = Visitor(chromium, live_platform.url, viewport=window)
    page = examiner.page
    sign_in_with_second_factor(page)

    number = open_case(page)
    add_person(page, number, "rosa", "Reviewer")
    drop(page, number, list(recordings.values()))
    page.get_by_label("Select all").check()
    page.get_by_role("button", name="Analyse selected").click()
    expect(page.get_by_text("3 analyses are queued")).to_be_visible()
    until(page, "!document.querySelector('.sign-running')", ANALYSED_WITHIN_S)

    finding = read_findings(page, number)
    give_word(page, finding, "Opinion", "I looked at the recording twice.")
    sign_in(reviewer.page, "rosa")
    give_word(reviewer.page, finding, "Sign-off", "I agree with the examiner.")
    bundle = export_bundle(page, number, tmp_path)
    verify(bundle)
    assert examiner.complaints + reviewer.complaints == []
    examiner.context.close()
    reviewer.context.close()


def sign_in(page: Page, name: str) -> None:
    page.goto("/account/login/")
    page.get_by_label("Login").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_in_with_second_factor(page: Page) -> None:
    """Set an authenticator app up, sign out, and sign in with its code."""
    sign_in(page, "erin")
    page.goto("/account/security/")
    page.get_by_role("link", name="Set up an authenticator app").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    secret = page.locator("#authenticator_secret").input_value()
    page.locator("[name=code]").fill(code_of(secret))
    page.get_by_role("button", name="Activate").click()
    page.goto("/account/logout/")
    page.locator("main").get_by_role("button", name="Sign Out").click()
    sign_in(page, "erin")
    page.locator("[name=code]").fill(code_of(secret))
    page.get_by_role("button", name="Sign In", exact=True).click()
    expect(page.get_by_role("heading", name="What waits for you")).to_be_visible()


def code_of(secret: str) -> str:
    """The code an authenticator app shows now for ``secret``."""
    counter = next(iter(yield_hotp_counters_from_time()))
    return str(format_hotp_value(hotp_value(secret, counter)))


def open_case(page: Page) -> str:
    page.goto("/cases/new/")
    page.get_by_label("Title").fill("A call at night")
    page.get_by_role("button", name="Open the case").click()
    page.wait_for_url(re.compile(r"/cases/\d{4}-\d+/$"))
    return page.url.rstrip("/").rsplit("/", 1)[1]


def add_person(page: Page, number: str, name: str, role: str) -> None:
    page.goto(f"/cases/{number}/people/")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Role").select_option(label=role)
    page.get_by_role("button", name="Add to the case").click()
    expect(page.get_by_text(f"{name} is now {role}.")).to_be_visible()


def drop(page: Page, number: str, files: list[Path]) -> None:
    """Drop ``files`` on the case as a mouse would, and wait until all are exhibits."""
    page.goto(f"/cases/{number}/")
    contents = [[file.name, base64.b64encode(file.read_bytes()).decode()] for file in files]
    transfer = page.evaluate_handle(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, text] of files) {
                const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
                transfer.items.add(new File([bytes], name));
            }
            return transfer;
        }""",
        contents,
    )
    page.dispatch_event("[data-upload]", "drop", {"dataTransfer": transfer})
    expect(page.get_by_text("hashes agree")).to_have_count(len(files), timeout=30_000)
    expect(page.locator("#evidence tbody tr")).to_have_count(len(files))


def read_findings(page: Page, number: str) -> str:
    """Open each finding; the address of the last one."""
    page.goto(f"/cases/{number}/analyses/")
    addresses = [link.get_attribute("href") or "" for link in page.locator("a[data-key-row]").all()]
    assert len(addresses) == 3
    for address in addresses:
        page.goto(address)
        expect(page.locator(".verdict-title")).to_be_visible()
        expect(page.get_by_role("heading", name="How reliable is this?")).to_be_visible()
        expect(page.get_by_text("is not proof of authenticity")).to_be_visible()
    return addresses[-1]


def give_word(page: Page, finding: str, kind: str, text: str) -> None:
    page.goto(finding)
    form = page.locator("#write-review")
    form.get_by_label("What is this").select_option(label=kind)
    form.get_by_label("Reasons").fill(text)
    form.get_by_role("button", name="Add to the record").click()
    expect(page.locator("#reviews")).to_contain_text(text)


def export_bundle(page: Page, number: str, folder: Path) -> Path:
    page.goto(f"/cases/{number}/reports/")
    page.get_by_role("button", name="Create the bundle").click()
    link = page.locator("a[href^='/exports/']").first
    expect(link).to_be_visible(timeout=BUNDLED_WITHIN_MS)
    with page.expect_download(timeout=60_000) as download:
        link.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def verify(bundle: Path) -> None:
    """A stranger's check: the standard library and the script inside the bundle."""
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(bundle.parent / "bundle")
    script = next((bundle.parent / "bundle").rglob("verify.py"))
    done = subprocess.run(
        [sys.executable, "-I", str(script)], cwd=script.parent, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
