"""A real Chromium against the pages, and a case with a finding to look at."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from accounts.actors import user_actor
from accounts.models import User
from cases import services as case_services
from cases.models import Case, Exhibit
from detection import services
from detection.models import Analysis
from ml.result import AnalysisOutcome
from tests.web import media
from tests.web.furnished import furnish
from tests.web.sample import sample_outcome

CHROMIUM = "/usr/bin/chromium"
CHROMIUM_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Patience for a busy machine; a test that waits longer than it should still fails.
expect.set_options(timeout=20_000)
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
WORKER = "worker-1"


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; the test is skipped with the reason where it is not installed."""
    if shutil.which(CHROMIUM) is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    # While Playwright's loop runs in this thread, Django takes all code for asynchronous and gives
    # it connections of its own: none may stay open on the other side of that border.
    connections.close_all()
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()
        connections.close_all()


class Visitor:
    """A signed-in person's browser; what the console complains about is an error at the end."""

    def __init__(self, browser: Browser, address: str, **options: Any) -> None:
        self.address = address
        self.complaints: list[str] = []
        self.context: BrowserContext = browser.new_context(
            base_url=address, **{"viewport": DESKTOP, **options}
        )
        self.context.set_default_timeout(30_000)
        self.page: Page = self.context.new_page()
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _listen(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(f"{message.text} {message.location.get('url', '')}")

    def enter(self, user: User) -> Page:
        """Sign ``user`` in by session cookie and return the page."""
        client = just_signed_in(user)
        self.context.add_cookies(
            [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": self.address}]
        )
        return self.page


def just_signed_in(user: User) -> Client:
    """A client of ``user``, who gave the password a moment ago."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    session["account_authentication_methods"] = [
        {"method": "password", "at": time.time(), "reauthenticated": True}
    ]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    return client


@pytest.fixture
def site(transactional_db: None, redis_server: str) -> Iterator[str]:
    """The pages on a port of their own, gone before the test's database is put back."""
    server = LiveServer("localhost")
    yield server.url
    server.stop()
    # A request that is still being answered holds the database open.
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(timeout=10)


@pytest.fixture
def visit(chromium: Browser, site: str) -> Iterator[Callable[..., Visitor]]:
    """``visit(**context_options)``: a new browser on the live pages, checked for complaints."""
    opened: list[Visitor] = []

    def open_browser(**options: Any) -> Visitor:
        visitor = Visitor(chromium, site, **options)
        opened.append(visitor)
        return visitor

    yield open_browser
    complaints = [line for visitor in opened for line in visitor.complaints]
    for visitor in opened:
        visitor.context.close()
    assert complaints == []


def until(page: Page, expression: str, seconds: float = 30) -> None:
    """Wait until ``expression`` is true in the page.

    ``Page.wait_for_function`` would evaluate it inside the page, which the page's policy refuses.
    """
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"never true: {expression}"
        page.wait_for_timeout(50)


@pytest.fixture
def recordings(tmp_path: Path) -> dict[str, Path]:
    """A drawn portrait, a spoken-like sound and a short clip, made on the spot."""
    return media.recordings(tmp_path / "media")


@pytest.fixture
def exhibits(case: Case, alice: User, recordings: dict[str, Path]) -> dict[str, Exhibit]:
    """The three recordings as exhibits of the case."""
    taken = {}
    for kind, path in recordings.items():
        with path.open("rb") as stream:
            taken[kind] = case_services.receive_evidence(
                actor=user_actor(alice), case=case, stream=stream, filename=path.name
            )
    return taken


def finished(
    actor_user: User, exhibit: Exhibit, outcome: AnalysisOutcome | None = None
) -> Analysis:
    """A complete analysis of ``exhibit`` with ``outcome``, or the made-up finding."""
    run = services.submit_analysis(actor=user_actor(actor_user), exhibit=exhibit)
    claimed = services.claim_analysis(str(run.pk), WORKER)
    assert claimed is not None
    services.store_result(analysis=claimed, outcome=outcome or sample_outcome(exhibit))
    run.refresh_from_db()
    return run


@pytest.fixture
def finding(alice: User, exhibits: dict[str, Exhibit], redis_server: str) -> Analysis:
    """A complete analysis of the clip."""
    return finished(alice, exhibits["video"])


@pytest.fixture
def every_page(
    alice: User, bob: User, exhibits: dict[str, Exhibit], finding: Analysis
) -> dict[str, str]:
    """Every page by name, as Alice may open it; each has something to show."""
    second = finished(alice, finding.exhibit)
    return furnish(manager=alice, colleague=bob, exhibits=exhibits, finding=finding, second=second)
