"""A recent sign-in for the acts that matter: export, key creation, hold release."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account import app_settings
from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ReauthenticationRequired
from django.http import HttpRequest, HttpResponseBase

View = Callable[..., HttpResponseBase]


def recently_signed_in(request: HttpRequest) -> bool:
    """Whether the person gave a password or second factor within the re-authentication time-out.

    The time-out is ``ACCOUNT_REAUTHENTICATION_TIMEOUT`` seconds, five minutes by default.
    """
    if not request.user.is_authenticated:
        return False
    moments = [float(record["at"]) for record in get_authentication_records(request, request.user)]
    return bool(moments) and time.time() - max(moments) < app_settings.REAUTHENTICATION_TIMEOUT


def require_recent_sign_in(view: View) -> View:
    """Ask for the password or the second factor before ``view`` unless given recently.

    allauth's middleware keeps the request, shows the confirmation page and then resumes it.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        if not recently_signed_in(request):
            raise ReauthenticationRequired
        return view(request, *args, **options)

    return guarded
