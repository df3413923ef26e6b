"""Notes, custody and ledger of a case."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from audit.selectors import events_for
from cases import services
from cases.custody_lines import Line, lines, newest_views
from cases.forms import NoteForm, NotePlace
from cases.models import CustodyEvent
from cases.permissions import CaseAction
from cases.selectors import exhibits_of, notes_of
from cases.views.frame import case_page, telling

PAGE_SIZE = 100
NOTES_A_PAGE = 50  # long texts, each rendered from Markdown


@login_required
def notes(request: HttpRequest, number: str) -> HttpResponse:
    """Append-only notes in Markdown, newest first; ``note=ID`` opens the page that holds it."""
    context = case_page(request, number, tab="notes")
    actor, case = context["actor"], context["case"]
    if not context["may"].get(str(CaseAction.VIEW_FINDINGS)):
        raise PermissionDenied(_("Your role in this case does not include its notes."))
    written = notes_of(actor, case).select_related("exhibit", "corrects").order_by("-created_at")
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
    wanted = _page_of_note(request, written) or request.GET.get("page")
    page = Paginator(written, NOTES_A_PAGE).get_page(wanted)
    return render(request, "cases/notes.html", {**context, "form": form, "page": page})


def _page_of_note(request: HttpRequest, written: QuerySet[Any]) -> int | None:
    asked = NotePlace(request.GET)
    note = written.filter(pk=asked.cleaned_data["note"]).first() if asked.is_valid() else None
    if note is None:
        return None
    return int(written.filter(created_at__gt=note.created_at).count()) // NOTES_A_PAGE + 1


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
