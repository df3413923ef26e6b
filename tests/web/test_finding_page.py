"""The page of a finding answers to the mouse: timeline, heat maps, reviews."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from accounts.models import User
from cases.models import Exhibit
from detection.models import Analysis, Review
from tests.web.conftest import finished, until
from tests.web.sample import sample_outcome

pytestmark = pytest.mark.browser

TIME = "document.querySelector('[data-player]').currentTime"


def opened(visit: Callable[..., Any], user: User, finding: Analysis, **options: Any) -> Page:
    page: Page = visit(**options).enter(user)
    page.goto(f"/analyses/{finding.pk}/")
    until(page, "document.querySelector('[data-player]').readyState >= 1")
    return page


def test_a_click_on_the_timeline_seeks(
    visit: Callable[..., Any], alice: User, finding: Analysis
) -> None:
    page = opened(visit, alice, finding)
    page.locator("[data-lanes] [data-seek]").nth(4).click()
    assert page.evaluate(TIME) == pytest.approx(1.6)
    page.get_by_role("button", name="0:01.2").click()
    assert page.evaluate(TIME) == pytest.approx(1.2)


def test_a_click_on_the_curve_seeks_and_the_playhead_follows(
    visit: Callable[..., Any], alice: User, finding: Analysis
) -> None:
    page = opened(visit, alice, finding)
    curve = page.locator(".u-over").first
    box = curve.bounding_box()
    assert box is not None
    curve.click(position={"x": box["width"] * 0.1, "y": 40})
    at = page.evaluate(TIME)
    assert 0.5 < at < 2.0
    until(page, "document.querySelector('[data-playhead]').getAttribute('x1') !== '0'")


def test_an_interval_without_width_is_told_as_a_bound(
    client: Client, alice: User, exhibits: dict[str, Exhibit], redis_server: str
) -> None:
    outcome = sample_outcome(exhibits["video"])
    narrow = replace(outcome.result.decision, log10_lr_interval=(0.5, 0.5))
    outcome = replace(outcome, result=replace(outcome.result, decision=narrow))
    finding = finished(alice, exhibits["video"], outcome)
    client.force_login(alice)
    page = client.get(f"/analyses/{finding.pk}/").content.decode()
    assert "no interval: at the bound" in page
    assert "+0.50 … +0.50" not in page


def test_the_slider_fades_the_heat_maps(
    visit: Callable[..., Any], alice: User, finding: Analysis
) -> None:
    page = opened(visit, alice, finding)
    page.locator("[data-opacity]").evaluate(
        "slider => { slider.value = 20; slider.dispatchEvent(new Event('input')); }"
    )
    assert (
        page.locator(".face-heat").first.evaluate("heat => getComputedStyle(heat).opacity") == "0.2"
    )


def test_the_shares_add_up_to_the_total(
    visit: Callable[..., Any], alice: User, finding: Analysis
) -> None:
    page = opened(visit, alice, finding)
    shown = [
        float(cell.replace("−", "-"))
        for cell in page.locator(".bars td:last-child").all_inner_texts()
    ]
    assert sum(shown[:-1]) == pytest.approx(shown[-1], abs=0.002)


def test_an_opinion_is_signed_off_by_a_second_person(
    visit: Callable[..., Any], bob: User, carol: User, finding: Analysis
) -> None:
    _write(opened(visit, bob, finding), "Opinion", "The edges of the mouth flicker in 3 frames.")
    _write(opened(visit, bob, finding), "Sign-off", "I sign my own opinion.", refused=True)
    page = opened(visit, carol, finding)
    _write(page, "Sign-off", "I looked at the same frames and agree.")
    expect(page.locator("#reviews")).to_contain_text("signed off")
    kinds = Review.objects.filter(analysis=finding).values_list("kind", flat=True)
    assert list(kinds) == ["opinion", "sign_off"]


def _write(page: Page, kind: str, text: str, *, refused: bool = False) -> None:
    form = page.locator("#write-review")
    form.get_by_label("What is this").select_option(label=kind)
    form.get_by_label("Reasons").fill(text)
    form.get_by_role("button", name="Add to the record").click()
    wanted = page.locator(".notice-error" if refused else ".notice-success")
    expect(wanted).to_be_visible()


def test_a_blind_reviewer_sees_no_outcome_before_answering(
    visit: Callable[..., Any], bob: User, carol: User, finding: Analysis
) -> None:
    page = opened(visit, bob, finding)
    page.get_by_text("Ask somebody").click()
    page.get_by_label("Reviewer").select_option(label="carol")
    page.get_by_label("Hide the finding").check()
    page.get_by_role("button", name="Ask for a review").click()
    expect(page.locator(".notice-success")).to_contain_text("carol")

    blind = visit().enter(carol)
    blind.goto("/reviews/")
    blind.get_by_role("link", name="call.mp4").click()
    expect(blind.get_by_role("heading", name="You are asked to review this blind")).to_be_visible()
    assert "FAKE" not in blind.content()
    blind.get_by_label("Reasons").fill("The face does not follow the head.")
    blind.get_by_role("button", name="Add to the record").click()
    expect(blind.get_by_role("heading", name="The findings support manipulation")).to_be_visible()


def test_two_runs_are_compared(visit: Callable[..., Any], alice: User, finding: Analysis) -> None:
    finished(alice, finding.exhibit)
    page = visit().enter(alice)
    page.goto(f"/cases/{finding.exhibit.case.number}/analyses/")
    for box in page.locator("[name=compare]").all():
        box.check()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("Identical: the same numbers.")).to_be_visible()
    expect(page.locator(".comparison .differs")).to_have_count(0)
