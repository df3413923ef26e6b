"""A browser's session must be fresh for the acts that matter, as on the pages."""

from __future__ import annotations

from rest_framework.request import Request

from accounts.api.problems import Problem
from accounts.models import ApiKey
from accounts.reauthentication import recently_signed_in


def require_confirmed(request: Request) -> None:
    """Raise Problem 403 unless a key calls, which carries its own permission, or a person who
    signed in within the last minutes."""
    if isinstance(request.auth, ApiKey) or recently_signed_in(request._request):
        return
    raise Problem(
        403,
        "confirm_sign_in",
        "Confirm your sign-in at /account/reauthenticate/ first: this needs a recent one.",
    )
