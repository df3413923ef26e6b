"""My web hooks: a list, one with its deliveries, and the page that shows a secret once."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.actors import Actor, actor_for
from accounts.reauthentication import require_recent_sign_in
from cases.selectors import cases_for
from webhooks import selectors, services
from webhooks.errors import WebhookRefused
from webhooks.forms import WebhookForm
from webhooks.models import Delivery, Endpoint

SHOWN_DELIVERIES = 50


@login_required
def index(request: HttpRequest) -> HttpResponse:
    """My web hooks."""
    mine = selectors.endpoints_of(actor_for(request))
    return render(request, "webhooks/list.html", {"webhooks": mine, "nav": "keys"})


@login_required
@require_recent_sign_in
@never_cache
def new(request: HttpRequest) -> HttpResponse:
    """Set one up; its secret is shown once, in the answer."""
    actor = actor_for(request)
    form = WebhookForm(
        request.POST or None, cases=cases_for(actor), initial={"case": request.GET.get("case")}
    )
    if request.method == "POST" and form.is_valid():
        try:
            endpoint, secret = services.create_endpoint(actor=actor, **form.cleaned_data)
        except WebhookRefused as refusal:
            form.add_error("url" if refusal.code == "url" else None, refusal.message)
        else:
            return render(request, "webhooks/once.html", {"webhook": endpoint, "secret": secret})
    return render(request, "webhooks/new.html", {"form": form, "nav": "keys"})


@login_required
def detail(request: HttpRequest, webhook_id: uuid.UUID) -> HttpResponse:
    """One web hook with its latest deliveries."""
    actor = actor_for(request)
    endpoint = _mine(actor, webhook_id)
    deliveries = selectors.deliveries_of(actor, endpoint)[:SHOWN_DELIVERIES]
    return render(
        request,
        "webhooks/detail.html",
        {"webhook": endpoint, "deliveries": deliveries, "nav": "keys"},
    )


@login_required
@require_POST
@require_recent_sign_in
@never_cache
def rotate(request: HttpRequest, webhook_id: uuid.UUID) -> HttpResponse:
    """Replace the secret; the new one is shown once."""
    actor = actor_for(request)
    endpoint = _mine(actor, webhook_id)
    secret = services.rotate_secret(actor=actor, endpoint=endpoint)
    return render(request, "webhooks/once.html", {"webhook": endpoint, "secret": secret})


@login_required
@require_POST
def act(request: HttpRequest, webhook_id: uuid.UUID) -> HttpResponse:
    """What a button of the page asks for: test, switch on or off, send again, delete."""
    actor = actor_for(request)
    endpoint = _mine(actor, webhook_id)
    wanted = request.POST.get("do", "")
    acts: dict[str, tuple[Callable[..., Any], str]] = {
        "ping": (services.ping, _("A test event is on its way.")),
        "enable": (services.enable_endpoint, _("The web hook is switched on.")),
        "disable": (_switch_off, _("The web hook is switched off.")),
        "delete": (services.delete_endpoint, _("The web hook is deleted.")),
        "redeliver": (_redelivering(request), _("The event is sent again.")),
    }
    if wanted not in acts:
        raise Http404
    service, done = acts[wanted]
    try:
        service(actor=actor, endpoint=endpoint)
        messages.success(request, done)
    except WebhookRefused as refusal:
        messages.error(request, refusal.message)
    return (
        redirect("webhooks:list")
        if wanted == "delete"
        else redirect("webhooks:detail", endpoint.pk)
    )


def _switch_off(*, actor: Actor, endpoint: Endpoint) -> None:
    services.disable_endpoint(actor=actor, endpoint=endpoint, reason="switched off by its owner")


def _redelivering(request: HttpRequest) -> Callable[..., Any]:
    def service(*, actor: Actor, endpoint: Endpoint) -> None:
        rows = selectors.deliveries_of(actor, endpoint).select_related("endpoint")
        try:
            delivery = rows.get(pk=uuid.UUID(request.POST.get("delivery", "")))
        except (ValueError, Delivery.DoesNotExist) as error:
            raise Http404 from error
        services.redeliver(actor=actor, delivery=delivery)

    return service


def _mine(actor: Actor, webhook_id: uuid.UUID) -> Endpoint:
    try:
        return selectors.endpoint_of(actor, webhook_id)
    except Endpoint.DoesNotExist as error:
        raise Http404 from error
