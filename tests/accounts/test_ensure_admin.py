"""The first administrator of a new site."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEvent

pytestmark = pytest.mark.django_db


def run() -> str:
    out = StringIO()
    call_command("ensure_admin", stdout=out)
    return out.getvalue()


def test_a_password_is_made_and_shown_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DFD_ADMIN_NAME", "DFD_ADMIN_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    words = run()
    password = words.split()[-1]
    user = User.objects.get()
    assert (user.username, user.site_role, user.is_staff) == ("admin", "administrator", True)
    assert len(password) >= 20
    assert user.check_password(password)
    assert AuditEvent.objects.get().action == Action.USER_CREATED
    assert run() == ""
    assert User.objects.count() == 1


def test_name_and_password_may_be_given_and_are_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DFD_ADMIN_NAME", "grace")
    monkeypatch.setenv("DFD_ADMIN_PASSWORD", "a given password")
    assert "a given password" not in run()
    assert User.objects.get().check_password("a given password")
    assert User.objects.get().username == "grace"
