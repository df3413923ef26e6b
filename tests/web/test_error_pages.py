"""Every error page, brought about by its real cause, says what happened and what to do next."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as site_settings
from django.core.cache import cache
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import get_resolver
from django.utils import translation

from accounts.actors import user_actor
from accounts.models import User
from cases import services
from cases.models import Case
from tests.cases.media import wav_bytes
from tests.conftest import PASSWORD
from tests.web.conftest import just_signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_server")]
SIGN_IN = "/account/login/"


def told(answer: Any, status: int) -> str:
    """The words of an error page, which must be ours."""
    assert answer.status_code == status
    page: str = answer.content.decode()
    assert f"Error {status}" in page
    assert "Go to the home page" in page
    return page


def test_a_damaged_form_400(alice: User) -> None:
    too_many = {f"field{number}": "x" for number in range(1100)}
    page = told(just_signed_in(alice).post("/cases/new/", too_many), 400)
    assert "Go back, reload the page and try again" in page


def test_a_refusal_403(case: Case, alice: User, charlie: User) -> None:
    services.add_member(actor=user_actor(alice), case=case, user=charlie, role="intake")
    page = told(just_signed_in(charlie).get(f"/cases/{case.number}/analyses/"), 403)
    assert "Your role in this case does not include its findings." in page
    assert "Ask the manager of the case for the role you need." in page


def test_an_expired_form_403(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    page = told(client.post(SIGN_IN, {"login": "alice", "password": PASSWORD}), 403)
    assert "The form has expired" in page
    assert "send the form once more" in page


def test_nothing_there_404(alice: User) -> None:
    page = told(just_signed_in(alice).get("/cases/1999-0001/"), 404)
    assert "ask its manager to add you" in page


def test_a_file_too_large_413(case: Case, alice: User, settings: Any) -> None:
    settings.DFD = dataclasses.replace(settings.DFD, max_upload_bytes=1000)
    file = io.BytesIO(wav_bytes())
    file.name = "long.wav"
    page = told(just_signed_in(alice).post(f"/cases/{case.number}/upload/", {"files": file}), 413)
    assert "The limit is 1000" in page
    assert "Nothing was stored" in page
    assert not case.exhibits.exists()


def test_too_many_attempts_429(alice: User) -> None:
    client = Client()
    for _ in range(site_settings.AXES_FAILURE_LIMIT):
        client.post(SIGN_IN, {"login": "alice", "password": "wrong"})
        cache.clear()  # allauth's own limit, which the form tells and which ends earlier
    page = told(client.post(SIGN_IN, {"login": "alice", "password": PASSWORD}), 429)
    assert "Wait half an hour and try again" in page


def test_a_failure_500() -> None:
    handler: Callable[[Any], HttpResponse] = get_resolver().resolve_error_handler(500)
    page = told(handler(RequestFactory().get("/cases/")), 500)
    assert "send the time and the request number to an administrator" in page


def test_the_request_number_of_the_log_is_on_the_page(client: Client) -> None:
    answer = client.get("/nowhere/")
    number = re.search(r"Request <code>([0-9a-f-]{36})</code>", answer.content.decode())
    assert number is not None
    assert number[1] == answer["X-Request-ID"]


@pytest.mark.parametrize("number", [400, 403, 404, 413, 429, 500])
def test_error_pages_speak_german(number: int) -> None:
    english = render_to_string(f"{number}.html")
    with translation.override("de"):
        german = render_to_string(f"{number}.html")
    assert '<html lang="de">' in german
    assert "Go to the home page" in english
    assert "Zur Startseite" in german
