"""Keeping evidence: custody of one exhibit, legal holds, and destruction by two people."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.actors import actor_for
from accounts.models import User
from accounts.reauthentication import require_recent_sign_in
from cases import selectors, services
from cases.forms import ReasonForm
from cases.keeping_forms import DestructionForm, HoldForm, OfferForm, ReturnForm
from cases.models import Case, DestructionRequest, LegalHold
from cases.permissions import CaseAction, require, roles_with
from cases.views.frame import case_or_404, case_page, exhibit_or_404, telling


@login_required
@require_GET
def exhibit_custody(request: HttpRequest, number: str, exhibit_number: int) -> HttpResponse:
    """Everything that happened to one exhibit, and the next steps its reader may take."""
    context = case_page(request, number, tab="custody")
    exhibit = exhibit_or_404(context["actor"], number, exhibit_number)
    return render(
        request,
        "cases/exhibit_custody.html",
        {
            **context,
            "exhibit": exhibit,
            "events": selectors.custody_of(context["actor"], exhibit),
            "transfers": selectors.transfers_of(context["actor"], exhibit),
            # Prefixed ids: these forms share field names and stand on one page.
            "offer_form": OfferForm(receivers=_receivers(context["case"]), auto_id="offer-%s"),
            "return_form": ReturnForm(auto_id="return-%s"),
            "destruction_form": DestructionForm(auto_id="destruction-%s"),
            "reason_form": ReasonForm(auto_id="unfreeze-%s"),
        },
    )


@login_required
@require_POST
def offer(request: HttpRequest, number: str, exhibit_number: int) -> HttpResponse:
    """Offer custody to another member of the case."""
    actor = actor_for(request)
    exhibit = exhibit_or_404(actor, number, exhibit_number)
    require(actor, exhibit.case, CaseAction.TRANSFER)
    _carry_out(
        request,
        OfferForm(request.POST, receivers=_receivers(exhibit.case)),
        lambda given: services.offer_transfer(actor=actor, exhibit=exhibit, **given),
        done=_("Custody was offered. It moves when the receiver accepts."),
    )
    return redirect("cases:exhibit_custody", number, exhibit_number)


@login_required
@require_POST
def give_back(request: HttpRequest, number: str, exhibit_number: int) -> HttpResponse:
    """Record that the source item was given back."""
    actor = actor_for(request)
    exhibit = exhibit_or_404(actor, number, exhibit_number)
    require(actor, exhibit.case, CaseAction.TRANSFER)
    _carry_out(
        request,
        ReturnForm(request.POST),
        lambda given: services.record_return(actor=actor, exhibit=exhibit, **given),
        done=_("The return is on record."),
    )
    return redirect("cases:exhibit_custody", number, exhibit_number)


@login_required
@require_POST
def unfreeze(request: HttpRequest, number: str, exhibit_number: int) -> HttpResponse:
    """Make a frozen exhibit usable again after its original bytes were restored."""
    actor = actor_for(request)
    exhibit = exhibit_or_404(actor, number, exhibit_number)
    require(actor, exhibit.case, CaseAction.MANAGE)
    _carry_out(
        request,
        ReasonForm(request.POST),
        lambda given: services.unfreeze_exhibit(actor=actor, exhibit=exhibit, **given),
        done=_("The exhibit may be used again."),
    )
    return redirect("cases:exhibit_custody", number, exhibit_number)


@login_required
@require_POST
def ask_destruction(request: HttpRequest, number: str, exhibit_number: int) -> HttpResponse:
    """Ask for the destruction of an exhibit's bytes."""
    actor = actor_for(request)
    exhibit = exhibit_or_404(actor, number, exhibit_number)
    require(actor, exhibit.case, CaseAction.DESTROY)
    _carry_out(
        request,
        DestructionForm(request.POST),
        lambda given: services.request_destruction(actor=actor, exhibit=exhibit, **given),
        done=_("Destruction was requested. A second person must approve it."),
    )
    return redirect("cases:holds", number)


@login_required
def holds(request: HttpRequest, number: str) -> HttpResponse:
    """Legal holds and requests for destruction; managers place holds here."""
    context = case_page(request, number, tab="holds")
    actor, case = context["actor"], context["case"]
    form = HoldForm(request.POST or None, exhibits=selectors.exhibits_of(actor, case))
    if request.method == "POST":
        require(actor, case, CaseAction.MANAGE)
        if form.is_valid():
            placed = telling(
                lambda: services.place_hold(actor=actor, case=case, **form.cleaned_data),
                request,
                done=_("The hold is in force."),
            )
            if placed:
                return redirect("cases:holds", number)
    return render(
        request,
        "cases/holds.html",
        {
            **context,
            "form": form,
            "holds": selectors.holds_of(actor, case).select_related("exhibit__case"),
            "requests": selectors.destruction_requests_of(actor, case).select_related(
                "requested_by", "answered_by"
            ),
        },
    )


@login_required
@require_POST
@require_recent_sign_in
def release_hold(request: HttpRequest, number: str, hold_id: uuid.UUID) -> HttpResponse:
    """Release one hold; it stays on record."""
    actor = actor_for(request)
    case = case_or_404(actor, number)
    hold = selectors.holds_of(actor, case).filter(pk=hold_id).first()
    if not isinstance(hold, LegalHold):
        raise Http404
    require(actor, case, CaseAction.MANAGE)
    _carry_out(
        request,
        ReasonForm(request.POST),
        lambda given: services.release_hold(actor=actor, hold=hold, **given),
        done=_("The hold is released."),
    )
    return redirect("cases:holds", number)


@login_required
@require_POST
@require_recent_sign_in
def answer_destruction(request: HttpRequest, number: str, request_id: uuid.UUID) -> HttpResponse:
    """Approve a request of somebody else, which destroys the bytes, or decline it."""
    actor = actor_for(request)
    asked = _destruction(request, number, request_id)
    require(actor, asked.exhibit.case, CaseAction.DESTROY)
    if request.POST.get("answer") == "approve":
        telling(
            lambda: services.approve_destruction(actor=actor, request=asked),
            request,
            done=_("The bytes are destroyed. The certificate is below."),
        )
    else:
        _carry_out(
            request,
            ReasonForm(request.POST),
            lambda given: services.decline_destruction(actor=actor, request=asked, **given),
            done=_("The request was declined."),
        )
    return redirect("cases:holds", number)


@login_required
@require_GET
def certificate(request: HttpRequest, number: str, request_id: uuid.UUID) -> HttpResponse:
    """The certificate of destruction, byte for byte as its hash covers it."""
    asked = _destruction(request, number, request_id)
    if not hasattr(asked, "certificate"):
        raise Http404
    name = f"certificate-{asked.exhibit.label.replace('/', '-')}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(
        asked.certificate.document, content_type="application/json", headers=headers
    )


def _carry_out(
    request: HttpRequest, form: forms.Form, change: Callable[[dict[str, Any]], Any], *, done: str
) -> None:
    """Run the change with the form's fields; say what was done or what stands against it."""
    if form.is_valid():
        telling(lambda: change(form.cleaned_data), request, done=done)
        return
    for field, errors in form.errors.items():
        label = form.fields[field].label if field in form.fields else ""
        messages.error(request, f"{label}: {errors[0]}" if label else str(errors[0]))


def _destruction(request: HttpRequest, number: str, request_id: uuid.UUID) -> DestructionRequest:
    actor = actor_for(request)
    rows = selectors.destruction_requests_of(actor, case_or_404(actor, number))
    asked = rows.filter(pk=request_id).first()
    if not isinstance(asked, DestructionRequest):
        raise Http404
    return asked


def _receivers(case: Case) -> QuerySet[User]:
    """Members who may take custody."""
    members = case.memberships.filter(role__in=roles_with(CaseAction.TRANSFER))
    return User.objects.filter(is_active=True, pk__in=members.values("user_id"))
