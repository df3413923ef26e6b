"""Files reach the case by drag-and-drop, over a bad line, and by a plain form."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from accounts.models import User
from cases.models import Case, Exhibit, Upload
from tests.web import media
from tests.web.conftest import until

pytestmark = pytest.mark.browser

CUT_LINE_MEGABYTES = 300


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_files_arrive_with_agreeing_hashes(
    visit: Callable[..., Any], alice: User, case: Case, recordings: dict[str, Path]
) -> None:
    page = visit().enter(alice)
    page.goto(f"/cases/{case.number}/")
    page.locator("#files").set_input_files(list(recordings.values()))
    rows = page.locator(".upload-row")
    for row in rows.all():
        expect(row.locator("[data-hash]")).to_have_text("hashes agree")
    expect(page.locator("#evidence tbody tr")).to_have_count(3)
    stored = {exhibit.name: exhibit.sha256 for exhibit in Exhibit.objects.filter(case=case)}
    assert stored == {path.name: _sha256(path) for path in recordings.values()}


def test_a_refused_file_is_told_why_and_the_others_go_on(
    visit: Callable[..., Any], alice: User, case: Case, recordings: dict[str, Path], tmp_path: Path
) -> None:
    text = tmp_path / "renamed.mp4"
    text.write_text("This is no video.", encoding="utf-8")
    visitor = visit()
    page = visitor.enter(alice)
    page.goto(f"/cases/{case.number}/")
    page.locator("#files").set_input_files([text, recordings["audio"]])
    refused = page.locator(".upload-row").first
    expect(refused.locator(".is-refused")).to_be_visible()
    assert "renamed.mp4" not in page.locator("#evidence").inner_text()
    expect(page.locator("#evidence")).to_contain_text("message.wav")
    visitor.complaints.clear()  # the browser reports the 415 of the refusal


def test_the_same_content_twice_is_noticed(
    visit: Callable[..., Any],
    alice: User,
    exhibits: dict[str, Exhibit],
    recordings: dict[str, Path],
) -> None:
    page = visit().enter(alice)
    page.goto(f"/cases/{exhibits['audio'].case.number}/")
    page.locator("#files").set_input_files(recordings["audio"])
    expect(page.locator(".upload-row")).to_contain_text(
        f"Same content as {exhibits['audio'].label}"
    )


def test_a_cut_line_resumes_and_the_hash_is_right(
    visit: Callable[..., Any], alice: User, case: Case, tmp_path: Path
) -> None:
    path = media.long_sound(tmp_path / "long.wav", CUT_LINE_MEGABYTES)
    visitor = visit()
    page = visitor.enter(alice)
    page.goto(f"/cases/{case.number}/")
    page.locator("#files").set_input_files(path)
    until(page, "document.querySelector('[data-progress]')?.value > 0.3", 60)
    visitor.context.set_offline(True)
    expect(page.locator("[data-state]")).to_have_text("connection lost, trying again")
    visitor.context.set_offline(False)
    expect(page.locator("[data-hash]").first).to_have_text("hashes agree", timeout=120_000)
    assert Exhibit.objects.get(case=case).sha256 == _sha256(path)
    visitor.complaints.clear()  # the browser reports the requests that failed meanwhile


def test_a_paused_upload_resumes_after_a_reload(
    visit: Callable[..., Any], alice: User, case: Case, tmp_path: Path
) -> None:
    path = media.long_sound(tmp_path / "long.wav", 60)
    page = visit().enter(alice)
    page.goto(f"/cases/{case.number}/")
    page.locator("#files").set_input_files(path)
    until(page, "document.querySelector('[data-progress]')?.value > 0.2")
    page.get_by_role("button", name="Pause").click()
    page.reload()
    page.locator("#files").set_input_files(path)
    expect(page.locator("[data-hash]").first).to_have_text("hashes agree", timeout=60_000)
    assert Upload.objects.filter(case=case).count() == 1
    assert Exhibit.objects.get(case=case).sha256 == _sha256(path)
