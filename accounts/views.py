"""My keys and security."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts import services
from accounts.actors import actor_for
from accounts.forms import KeyForm, ProfileForm
from accounts.models import ApiKey
from accounts.people import person
from accounts.reauthentication import require_recent_sign_in


@login_required
def keys(request: HttpRequest) -> HttpResponse:
    """My API keys, without their secrets."""
    mine = ApiKey.objects.filter(owner=person(request))
    return render(request, "accounts/keys.html", {"keys": mine, "nav": "keys"})


@login_required
@require_recent_sign_in
@never_cache
def new_key(request: HttpRequest) -> HttpResponse:
    """Create a key; its plaintext is shown once, in the answer."""
    form = KeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        key, plaintext = services.create_api_key(
            actor=actor_for(request),
            owner=person(request),
            name=given["name"],
            scopes=given["scopes"],
            expires_at=form.expires_at(),
            allowed_networks=given["networks"],
            quota_bytes=form.quota_bytes(),
            quota_analyses=given["quota_analyses"],
        )
        return render(request, "accounts/key_once.html", {"key": key, "plaintext": plaintext})
    return render(request, "accounts/new_key.html", {"form": form, "nav": "keys"})


@login_required
@require_recent_sign_in
@never_cache
def rotate(request: HttpRequest, key_id: str) -> HttpResponse:
    """Replace a key by a new one with the same rights; the new one is shown once."""
    old = _my_key(request, key_id)
    if request.method != "POST":
        return render(request, "accounts/rotate_key.html", {"key": old, "nav": "keys"})
    key, plaintext = services.rotate_api_key(actor=actor_for(request), api_key=old)
    return render(request, "accounts/key_once.html", {"key": key, "plaintext": plaintext})


@login_required
@require_POST
def revoke(request: HttpRequest, key_id: str) -> HttpResponse:
    """Make a key useless at once."""
    key = _my_key(request, key_id)
    services.revoke_api_key(actor=actor_for(request), api_key=key)
    messages.success(request, _("The key “%(name)s” no longer works.") % {"name": key.name})
    return redirect("accounts:keys")


def _my_key(request: HttpRequest, key_id: str) -> ApiKey:
    key = ApiKey.objects.filter(owner=person(request), pk=key_id).first()
    if key is None:
        raise Http404
    return key


@login_required
def security(request: HttpRequest) -> HttpResponse:
    """Second factor, password, time zone, language."""
    initial = {"timezone": person(request).timezone, "language": get_language()}
    form = ProfileForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        zone, language = form.cleaned_data["timezone"], form.cleaned_data["language"]
        services.set_timezone(actor=actor_for(request), user=person(request), timezone=zone)
        with override(language):
            messages.success(request, _("Times are now shown in %(zone)s.") % {"zone": zone})
        response = redirect("accounts:security")
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, language, samesite="Lax")
        return response
    mine = Authenticator.objects.filter(user=request.user)
    factors = {str(kind) for kind in mine.values_list("type", flat=True)}
    return render(
        request,
        "accounts/security.html",
        {"form": form, "factors": factors, "protected": bool(factors), "nav": "security"},
    )
