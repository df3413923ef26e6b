"""The register of cases: list, new case, title, closing and reopening."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.actors import actor_for
from accounts.people import person
from cases import services
from cases.errors import CasesError
from cases.forms import CaseFilter, CaseForm, ReasonForm
from cases.selectors import cases_for, exhibit_counts, saved_views_of
from cases.views.frame import HtmxRequest, case_or_404, case_page, telling

PAGE_SIZE = 50


@login_required
def case_list(request: HtmxRequest) -> HttpResponse:
    """The table of cases; htmx asks for the table alone while the reader types."""
    form = CaseFilter(request.GET)
    form.is_valid()
    wanted = form.cleaned_data
    cases = cases_for(
        actor_for(request), status=wanted.get("status", ""), search=wanted.get("q", "")
    )
    page = Paginator(cases.order_by(*form.ordering()), PAGE_SIZE).get_page(request.GET.get("page"))
    counts = exhibit_counts(page.object_list)
    for case in page.object_list:
        case.exhibit_count = counts.get(case.pk, 0)
    template = "cases/_table.html" if request.htmx else "cases/list.html"
    return render(
        request,
        template,
        {
            "page": page,
            "form": form,
            "sort": wanted["sort"],
            "views": [] if request.htmx else saved_views_of(person(request)),
            "nav": "cases",
        },
    )


@login_required
@require_POST
def save_view(request: HttpRequest) -> HttpResponse:
    """Keep the table's filter under a name, for this person on every device."""
    query = request.POST.get("query", "")
    try:
        saved = services.save_view(
            user=person(request), name=request.POST.get("name", ""), query=query
        )
    except CasesError as refusal:
        messages.error(request, refusal.message)
        return redirect("cases:list")
    messages.success(request, _("The view “%(name)s” is saved.") % {"name": saved.name})
    return redirect(f"{reverse('cases:list')}?{saved.query}")


@login_required
@require_POST
def remove_view(request: HttpRequest, view_id: uuid.UUID) -> HttpResponse:
    """Forget one of the reader's views."""
    services.remove_view(user=person(request), view_id=view_id)
    messages.success(request, _("The view is removed."))
    return redirect("cases:list")


@login_required
def create(request: HttpRequest) -> HttpResponse:
    """Open a new case."""
    form = CaseForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            case = services.create_case(actor=actor_for(request), **form.cleaned_data)
        except CasesError as refusal:
            form.add_error(None, refusal.message)
        else:
            return redirect("detection:case", case.number)
    return render(request, "cases/new.html", {"form": form, "nav": "cases"})


@login_required
def settings(request: HttpRequest, number: str) -> HttpResponse:
    """Title and description, closing and reopening."""
    context = case_page(request, number, tab="settings")
    case = context["case"]
    initial = {"title": case.title, "description": case.description}
    form = CaseForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        saved = telling(
            lambda: services.edit_case(actor=context["actor"], case=case, **form.cleaned_data),
            request,
            done=_("Saved."),
        )
        if saved:
            return redirect("cases:settings", number)
    return render(
        request, "cases/settings.html", {**context, "form": form, "reason_form": ReasonForm()}
    )


@login_required
@require_POST
def close(request: HttpRequest, number: str) -> HttpResponse:
    """Close the case: nothing more may be added."""
    actor = actor_for(request)
    case = case_or_404(actor, number)
    telling(
        lambda: services.close_case(
            actor=actor, case=case, reason=request.POST.get("reason", "").strip()
        ),
        request,
        done=_("Case %(number)s is closed.") % {"number": number},
    )
    return redirect(reverse("cases:settings", args=[number]))


@login_required
@require_POST
def reopen(request: HttpRequest, number: str) -> HttpResponse:
    """Reopen a closed case."""
    actor = actor_for(request)
    case = case_or_404(actor, number)
    telling(
        lambda: services.reopen_case(
            actor=actor, case=case, reason=request.POST.get("reason", "").strip()
        ),
        request,
        done=_("Case %(number)s is open again.") % {"number": number},
    )
    return redirect(reverse("cases:settings", args=[number]))
