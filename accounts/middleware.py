"""Refusals are recorded, and administrators may demand a second factor of everybody."""

from __future__ import annotations

from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.actors import actor_for
from accounts.models import User
from accounts.refusals import record_refusal

Handler = Callable[[HttpRequest], HttpResponse]


class RecordRefusals:
    """Sends ``permission.denied`` for every PermissionDenied that nobody recorded before."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        if isinstance(exception, PermissionDenied):
            record_refusal(request, actor_for(request), exception)


def require_second_factor(get_response: Handler) -> Handler:
    """With DFD_REQUIRE_MFA, people without a second factor reach only the page to add one."""

    def handle(request: HttpRequest) -> HttpResponse:
        if settings.DFD.require_mfa and _lacks_second_factor(request):
            return redirect(reverse("mfa_index"))
        return get_response(request)

    return handle


def _lacks_second_factor(request: HttpRequest) -> bool:
    user = request.user
    if not isinstance(user, User) or request.path.startswith(reverse("mfa_index")):
        return False
    if request.path in (reverse("account_logout"), reverse("account_reauthenticate")):
        return False
    return not is_mfa_enabled(user)
