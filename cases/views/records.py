"""Notes, custody and ledger of a case."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from audit.selectors import events_for
from cases import services
from cases.custody_lines import Line, lines, newest_views
from cases.forms import NoteForm
from cases.models import CustodyEvent
from cases.permissions import CaseAction
from cases.selectors import exhibits_of, notes_of
from cases.views.frame import case_page, telling

PAGE_SIZE = 100


@login_required
def notes(request: HttpRequest, number: str) -> HttpResponse:
    """Append-only notes in Markdown."""
    context = case_page(request, number, tab="notes")
    actor, case = context["actor"], context["case"]
    if not context["may"].get(str(CaseAction.VIEW_FINDINGS)):
        raise PermissionDenied(_("Your role in this case does not include its notes."))
    written = notes_of(actor, case).select_related("exhibit", "corrects")
    form = NoteForm(
        request.POST or None,
        exhibits=exhibits_of(actor, case),
        initial={"corrects": request.GET.get("corrects")},
    )
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        corrects = written.filter(pk=given["corrects"]).first() if given["corrects"] else None
        added = telling(
            lambda: services.add_note(
                actor=actor,
                case=case,
                text=given["text"],
                exhibit=given["exhibit"],
                corrects=corrects,
            ),
            request,
            done=_("The note is in the record."),
        )
        if added:
            return redirect("cases:notes", number)
    return render(request, "cases/notes.html", {**context, "form": form, "notes": written})


@login_required
def custody(request: HttpRequest, number: str) -> HttpResponse:
    """Custody of the case's exhibits, newest first; ``views=all`` lists every single view."""
    context = case_page(request, number, tab="custody")
    events = (
        CustodyEvent.objects.restrict(context["actor"], CaseAction.VIEW)
        .filter(exhibit__case=context["case"])
        .select_related("exhibit__case")
        # An expression, so that PostgreSQL sorts the case's own events and does not walk through
        # everybody's from the newest back to those of an old case.
        .order_by((F("id") + 0).desc())
    )
    every_view = request.GET.get("views") == "all"
    listed = events if every_view else newest_views(events)
    page = Paginator(listed, PAGE_SIZE).get_page(request.GET.get("page"))
    shown = [Line(event) for event in page] if every_view else lines(events, page)
    return render(
        request,
        "cases/custody.html",
        {**context, "page": page, "lines": shown, "every_view": every_view},
    )


@login_required
def ledger(request: HttpRequest, number: str) -> HttpResponse:
    """The case's own chain of the ledger, newest first."""
    context = case_page(request, number, tab="ledger")
    events = events_for(context["actor"], case_id=context["case"].pk).order_by("-seq")
    page = Paginator(events, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "cases/ledger.html", {**context, "page": page})
