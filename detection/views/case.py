"""A case's evidence with its findings, its analyses, and one exhibit."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from accounts.actors import Actor, actor_for
from cases import services as case_services
from cases.forms import AcquisitionForm
from cases.models import Exhibit
from cases.permissions import CaseAction
from cases.selectors import custody_of, exhibits_of, same_content, transfers_of
from cases.views.frame import HtmxRequest, case_or_404, case_page, exhibit_or_404, may
from detection import services
from detection.errors import DetectionError
from detection.forms import SettingsForm
from detection.models import OPEN_STATUSES, Analysis, Finding
from detection.selectors import analyses_for, findings_for

PAGE_SIZE = 100
ORDERS = {
    "created": "created_at",
    "exhibit": "exhibit__number",
    "verdict": "seen_verdict",
    "lr": "seen_log10_lr",
    "status": "status",
}


@login_required
@require_GET
def case(request: HtmxRequest, number: str) -> HttpResponse:
    """Evidence of the case, each exhibit with its latest analysis, and the upload."""
    context = case_page(request, number, tab="evidence")
    actor = context["actor"]
    page = Paginator(exhibits_of(actor, context["case"]), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    context |= {
        "page": page,
        "rows": _with_latest(actor, page.object_list),
        "acquisition_form": AcquisitionForm(prefix="acquisition"),
        "settings_form": SettingsForm(),
        "max_upload_bytes": settings.DFD.max_upload_bytes,
    }
    template = "detection/_evidence.html" if request.htmx else "detection/case.html"
    if not request.htmx:
        case_services.record_case_view(actor=actor, case=context["case"])
    return render(request, template, context)


def _with_latest(
    actor: Actor, exhibits: Iterable[Exhibit]
) -> list[tuple[Exhibit, Analysis | None, Finding | None]]:
    shown = list(exhibits)
    latest: dict[Any, Analysis] = {}
    for run in analyses_for(actor).filter(exhibit__in=shown).order_by("created_at"):
        latest[run.exhibit_id] = run
    findings = {
        finding.analysis_id: finding
        for finding in findings_for(actor).filter(analysis__in=latest.values()).defer("result")
    }
    return [
        (exhibit, run, findings.get(run.pk) if run else None)
        for exhibit in shown
        for run in [latest.get(exhibit.pk)]
    ]


@login_required
@require_GET
def case_analyses(request: HtmxRequest, number: str) -> HttpResponse:
    """Every analysis of the case, sortable; ``format=csv`` as a file, ``compare`` two of them."""
    context = case_page(request, number, tab="analyses")
    if not context["may"].get(str(CaseAction.VIEW_FINDINGS)):
        raise PermissionDenied(_("Your role in this case does not include its findings."))
    actor = context["actor"]
    sort = request.GET.get("sort", "-created")
    order = ORDERS.get(sort.removeprefix("-"), "created_at")
    runs = analyses_for(actor, case=context["case"]).order_by(
        f"-{order}" if sort.startswith("-") else order, "-created_at"
    )
    if request.GET.get("format") == "csv":
        return _as_csv(actor, runs, number)
    if "compare" in request.GET:
        return _to_comparison(request, number)
    page = Paginator(runs, PAGE_SIZE).get_page(request.GET.get("page"))
    findings = _findings_by_run(actor, page.object_list)
    context |= {
        "page": page,
        "rows": [(run, findings.get(run.pk)) for run in page.object_list],
        "unfinished": sum(run.status in OPEN_STATUSES for run in page.object_list),
        "sort": sort,
    }
    template = "detection/_analyses.html" if request.htmx else "detection/analyses.html"
    return render(request, template, context)


def _to_comparison(request: HttpRequest, number: str) -> HttpResponse:
    chosen = request.GET.getlist("compare")
    try:
        first, second = (uuid.UUID(text) for text in chosen)
    except ValueError:
        messages.error(request, _("Choose exactly two analyses to compare."))
        return redirect("detection:case_analyses", number)
    return redirect("detection:comparison", first, second)


def _findings_by_run(actor: Actor, runs: Iterable[Analysis]) -> dict[Any, Finding]:
    rows = findings_for(actor).filter(analysis__in=list(runs)).defer("result")
    return {finding.analysis_id: finding for finding in rows}


def _as_csv(actor: Actor, runs: Iterable[Analysis], number: str) -> HttpResponse:
    listed = list(runs)
    findings = _findings_by_run(actor, listed)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="analyses-{number}.csv"'
    table = csv.writer(response)
    table.writerow(
        [
            "exhibit",
            "file",
            "sha256",
            "analysis",
            "profile",
            "status",
            "verdict",
            "probability",
            "log10_lr",
            "submitted",
        ]
    )
    for run in listed:
        finding = findings.get(run.pk)
        table.writerow(
            [
                run.exhibit.label,
                _plain_cell(run.exhibit.name),
                run.exhibit.sha256,
                run.pk,
                run.profile,
                run.status,
                finding.verdict if finding else "",
                "" if finding is None or finding.probability is None else finding.probability,
                "" if finding is None or finding.log10_lr is None else finding.log10_lr,
                run.created_at.isoformat(),
            ]
        )
    return response


def _plain_cell(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text


@login_required
@require_GET
def exhibit(request: HttpRequest, number: str, exhibit_number: int) -> HttpResponse:
    """One exhibit: player, facts, hashes, integrity, analyses, custody."""
    actor = actor_for(request)
    item = exhibit_or_404(actor, number, exhibit_number)
    case_services.record_view(actor=actor, exhibit=item, purpose=_("looked at the exhibit's page"))
    runs = list(analyses_for(actor, exhibit=item))
    findings = _findings_by_run(actor, runs)
    context = {
        "exhibit": item,
        "case": item.case,
        "may": may(actor, item.case),
        "nav": "cases",
        "rows": [(run, findings.get(run.pk)) for run in runs],
        "custody": custody_of(actor, item).order_by("-id"),
        "duplicates": same_content(actor, item)[:10],
        "transfers": transfers_of(actor, item)[:5],
        "settings_form": SettingsForm(),
    }
    return render(request, "detection/exhibit.html", context)


@login_required
@require_POST
def analyse(request: HttpRequest, number: str) -> HttpResponse:
    """Queue an analysis of each chosen exhibit with the same settings."""
    actor = actor_for(request)
    this_case = case_or_404(actor, number)
    form = SettingsForm(request.POST)
    chosen = list(
        exhibits_of(actor, this_case).filter(number__in=_whole(request.POST.getlist("exhibit")))
    )
    back = redirect("detection:case", number)
    if len(chosen) == 1:
        back = redirect("detection:exhibit", number, chosen[0].number)
    if not chosen:
        messages.error(request, _("Choose at least one exhibit."))
        return back
    if not form.is_valid():
        for errors in form.errors.values():
            messages.error(request, str(errors[0]))
        return back
    queued = []
    for item in chosen:
        try:
            queued.append(
                services.submit_analysis(
                    actor=actor,
                    exhibit=item,
                    profile=form.cleaned_data["profile"],
                    parameters=form.parameters(),
                )
            )
        except DetectionError as refusal:
            messages.error(request, f"{item.label}: {refusal.message}")
    if len(queued) == 1:
        return redirect("detection:analysis", queued[0].pk)
    if queued:
        told = ngettext("%(n)d analysis is queued.", "%(n)d analyses are queued.", len(queued))
        messages.success(request, told % {"n": len(queued)})
        return redirect("detection:case_analyses", number)
    return back


def _whole(values: Iterable[str]) -> list[int]:
    return [int(value) for value in values if value.isascii() and value.isdigit()]
