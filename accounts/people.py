"""The person behind a page."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.models import User


def person(request: HttpRequest) -> User:
    """Who is signed in; for views behind ``login_required``. TypeError for anybody else."""
    if not isinstance(request.user, User):
        raise TypeError("nobody is signed in")
    return request.user
