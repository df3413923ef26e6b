"""Which name a failed sign-in counts against."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest


def attempted_name(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """The user name or address that was tried, lower case, for django-axes.

    The sign-in page names its field ``login``; Django's own forms name it ``username``.
    """
    given = credentials or {}
    name = given.get("username") or given.get("email") or request.POST.get("login", "")
    return str(name).strip().lower()
