"""A person's own views of the case table, and custody that folds repeated views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import expect

from accounts.actors import user_actor
from accounts.models import User
from cases import services
from cases.models import Case, CustodyEvent, Exhibit, SavedView
from cases.services.saved_views import MOST_VIEWS


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def save(client: Client, name: str, query: str) -> str:
    return client.post(
        "/cases/views/", {"name": name, "query": query}, follow=True
    ).content.decode()


def test_a_view_is_kept_for_its_owner_alone(alice: User, charlie: User) -> None:
    page = save(signed_in(alice), "Open bank calls", "?q=bank&status=open&page=4&next=//x.example")
    assert "Open bank calls" in page
    saved = SavedView.objects.get()
    assert (saved.user, saved.query) == (alice, "q=bank&status=open")
    assert "Open bank calls" not in signed_in(charlie).get("/cases/").content.decode()
    signed_in(charlie).post(f"/cases/views/{saved.pk}/remove/")
    assert SavedView.objects.filter(pk=saved.pk).exists()
    signed_in(alice).post(f"/cases/views/{saved.pk}/remove/")
    assert not SavedView.objects.exists()


def test_the_same_name_replaces_and_there_is_a_limit(alice: User) -> None:
    client = signed_in(alice)
    for query in ("q=one", "q=two"):
        save(client, "Mine", query)
    assert SavedView.objects.get().query == "q=two"
    for number in range(MOST_VIEWS):
        page = save(client, f"View {number}", "q=x")
    assert SavedView.objects.count() == MOST_VIEWS
    assert "views already" in page
    assert "Give the view a name" in save(client, "  ", "q=x")


@pytest.mark.browser
def test_the_filter_of_the_moment_is_saved(
    visit: Callable[..., Any], alice: User, case: Case
) -> None:
    page = visit().enter(alice)
    page.goto("/cases/")
    page.get_by_label("Search", exact=True).fill("doubt")
    page.wait_for_url("**q=doubt**")
    page.get_by_text("Saved views").click()
    page.get_by_label("Name of this view").fill("Doubtful")
    page.get_by_role("button", name="Save this view").click()
    expect(page.locator(".notice-success")).to_contain_text("Doubtful")
    assert SavedView.objects.get().query.startswith("q=doubt")


@pytest.mark.usefixtures("redis_server")
def test_repeated_views_are_one_line_and_all_of_them_on_request(
    alice: User, bob: User, case: Case, exhibits: dict[str, Exhibit]
) -> None:
    for _ in range(5):
        services.record_view(
            actor=user_actor(alice), exhibit=exhibits["audio"], purpose="looked again"
        )
    services.record_view(actor=user_actor(bob), exhibit=exhibits["audio"], purpose="looked once")
    client = signed_in(alice)
    page = client.get(f"/cases/{case.number}/custody/").content.decode()
    assert page.count("looked again") == 1
    assert "5 times that day" in page
    assert page.count("looked once") == 1
    assert page.count("taken into evidence") == len(exhibits)
    everything = client.get(f"/cases/{case.number}/custody/?views=all").content.decode()
    assert everything.count("looked again") == 5
    assert CustodyEvent.objects.filter(kind=CustodyEvent.Kind.VIEWED).count() == 6
