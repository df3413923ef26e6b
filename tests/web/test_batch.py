"""Many exhibits at once: progress, order, CSV, failed ones again, and more than two compared."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from playwright.sync_api import expect

from accounts.actors import user_actor
from accounts.models import User
from cases import services as case_services
from cases.models import Case, Exhibit
from detection import services
from detection.models import Analysis
from tests.detection.conftest import png
from tests.web.conftest import WORKER, finished

MANY = 200
QUERIES = 40

pytestmark = pytest.mark.usefixtures("redis_server")


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def taken_in(user: User, case: Case, number: int) -> list[Exhibit]:
    return [
        case_services.receive_evidence(
            actor=user_actor(user),
            case=case,
            stream=io.BytesIO(png(shade)),
            filename=f"frame-{shade:03d}.png",
        )
        for shade in range(number)
    ]


def failed(user: User, exhibit: Exhibit) -> Analysis:
    run = services.submit_analysis(actor=user_actor(user), exhibit=exhibit)
    claimed = services.claim_analysis(str(run.pk), WORKER)
    assert claimed is not None
    services.fail_analysis(analysis=claimed, code="corrupt", message="It ends in the middle.")
    return run


def address(case: Case, query: str = "") -> str:
    return f"/cases/{case.number}/batch/{query}"


def test_two_hundred_exhibits_are_queued_and_listed(alice: User, case: Case) -> None:
    exhibits = taken_in(alice, case, MANY)
    client = signed_in(alice)
    numbers = [exhibit.number for exhibit in exhibits]
    client.post(address(case), {"do": "analyse", "exhibit": numbers, "profile": "standard"})
    assert Analysis.objects.filter(exhibit__case=case).count() == MANY
    with CaptureQueriesContext(connection) as queries:
        page = client.get(address(case)).content.decode()
    assert page.count('name="exhibit"') == MANY
    assert "200 analyses are under way" in page
    assert len(queries) < QUERIES


def test_failed_ones_run_again_and_only_those(
    alice: User, case: Case, exhibits: dict[str, Exhibit]
) -> None:
    broken = failed(alice, exhibits["audio"])
    done = finished(alice, exhibits["video"])
    client = signed_in(alice)
    assert "It ends in the middle." in client.get(address(case)).content.decode()
    client.post(address(case), {"do": "rerun"})
    again = Analysis.objects.exclude(pk__in=[broken.pk, done.pk]).get()
    assert again.rerun_of == broken


def test_the_table_is_a_file_in_the_asked_order(
    alice: User, case: Case, exhibits: dict[str, Exhibit]
) -> None:
    failed(alice, exhibits["audio"])
    finished(alice, exhibits["video"])
    answer = signed_in(alice).get(address(case, "?sort=-verdict&format=csv"))
    assert answer["Content-Type"].startswith("text/csv")
    rows = {row["file"]: row for row in csv.DictReader(io.StringIO(answer.content.decode()))}
    assert rows["call.mp4"]["verdict"] == "FAKE"
    assert rows["message.wav"]["error_code"] == "corrupt"
    assert rows["portrait.png"]["status"] == "not analysed"


def test_a_reader_may_not_start_anything(
    alice: User, charlie: User, case: Case, exhibits: dict[str, Exhibit]
) -> None:
    client = signed_in(charlie)
    assert client.get(address(case)).status_code == 404
    case_services.add_member(actor=user_actor(alice), case=case, user=charlie, role="reviewer")
    assert client.post(address(case), {"do": "rerun"}).status_code in (302, 403)
    assert not Analysis.objects.exists()


def test_three_runs_stand_side_by_side(
    alice: User, case: Case, exhibits: dict[str, Exhibit]
) -> None:
    runs = [finished(alice, exhibit) for exhibit in exhibits.values()]
    client = signed_in(alice)
    chosen = [exhibit.number for exhibit in exhibits.values()]
    answer = client.post(address(case), {"do": "compare", "exhibit": chosen}, follow=True)
    page = answer.content.decode()
    assert "3 runs side by side" in page
    assert all(f"/analyses/{run.pk}/" in page for run in runs)
    assert client.get(f"/compare/?run={runs[0].pk}").status_code == 404
    assert client.get("/compare/?run=1&run=2").status_code == 404


def test_an_outsider_compares_nothing(
    alice: User, charlie: User, exhibits: dict[str, Exhibit]
) -> None:
    runs = [finished(alice, exhibits["video"]) for _ in range(2)]
    query = "&".join(f"run={run.pk}" for run in runs)
    assert signed_in(charlie).get(f"/compare/?{query}").status_code == 404
    assert Client().get(f"/compare/?{query}").status_code == 302


@pytest.mark.browser
def test_choices_outlive_the_progress_of_others(
    visit: Callable[..., Any], alice: User, case: Case, exhibits: dict[str, Exhibit]
) -> None:
    services.submit_analysis(actor=user_actor(alice), exhibit=exhibits["audio"])
    page = visit().enter(alice)
    page.goto(address(case))
    box = page.get_by_label("Select portrait.png")
    box.check()
    with page.expect_response(lambda answer: "/batch/" in answer.url):
        pass
    page.wait_for_timeout(300)
    expect(box).to_be_checked()
    page.get_by_role("button", name="Analyse selected").click()
    expect(page.get_by_text("1 analysis is queued")).to_be_visible()
