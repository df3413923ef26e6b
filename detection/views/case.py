"""A case's evidence with its findings, its analyses, and one exhibit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from accounts.actors import Actor, actor_for
from cases import services as case_services
from cases.custody_lines import lines, newest_views
from cases.forms import AcquisitionForm
from cases.models import Exhibit
from cases.permissions import CaseAction
from cases.selectors import custody_of, exhibits_of, same_content, transfers_of
from cases.views.frame import HtmxRequest, case_or_404, case_page, exhibit_or_404, may
from detection.forms import SettingsForm
from detection.lineage import lineage
from detection.models import OPEN_STATUSES, Analysis, Finding
from detection.selectors import analyses_for, finding_for, findings_for, result_of, seen_of
from detection.views.comparison import MOST_COMPARED
from detection.views.finding import origin_of
from detection.views.tables import csv_response, findings_by_run, queue_each, whole_numbers

PAGE_SIZE = 100
CUSTODY_SHOWN = 12
ORDERS = {
    "created": "made",
    "exhibit": "exhibit__number",
    "verdict": "seen_verdict",
    "lr": "seen_log10_lr",
    "status": "status",
}
CSV_HEADER = (
    "exhibit", "file", "sha256", "analysis", "profile", "status", "verdict", "probability",
    "log10_lr", "submitted",
)  # fmt: skip


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
    order = ORDERS.get(sort.removeprefix("-"), "made")
    # Aliased, so that PostgreSQL sorts the case's own runs and does not walk through everybody's
    # from the newest back to those of an old case.
    runs = analyses_for(actor, case=context["case"]).alias(
        made=Coalesce("created_at", "created_at")
    )
    runs = runs.order_by(f"-{order}" if sort.startswith("-") else order, "-made")
    if request.GET.get("format") == "csv":
        return _as_csv(actor, runs, number)
    if "compare" in request.GET:
        return _to_comparison(request, number)
    page = Paginator(runs, PAGE_SIZE).get_page(request.GET.get("page"))
    findings = findings_by_run(actor, page.object_list)
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
    if not 2 <= len(chosen) <= MOST_COMPARED:
        told = _("Choose two to %(most)d analyses to compare.") % {"most": MOST_COMPARED}
        messages.error(request, told)
        return redirect("detection:case_analyses", number)
    asked = QueryDict(mutable=True)
    asked.setlist("run", chosen)
    return redirect(f"{reverse('detection:compare')}?{asked.urlencode()}")


def _as_csv(actor: Actor, runs: Iterable[Analysis], number: str) -> HttpResponse:
    listed = list(runs)
    findings = findings_by_run(actor, listed)
    return csv_response(
        f"analyses-{number}", CSV_HEADER, (_csv_row(run, findings.get(run.pk)) for run in listed)
    )


def _csv_row(run: Analysis, finding: Finding | None) -> list[object]:
    return [
        run.exhibit.label,
        run.exhibit.name,
        run.exhibit.sha256,
        str(run.pk),
        run.profile,
        run.status,
        finding and finding.verdict,
        finding and finding.probability,
        finding and finding.log10_lr,
        run.created_at.isoformat(),
    ]


@login_required
@require_GET
def exhibit(request: HttpRequest, number: str, exhibit_number: int) -> HttpResponse:
    """One exhibit: player, facts, hashes, integrity, analyses, custody."""
    actor = actor_for(request)
    item = exhibit_or_404(actor, number, exhibit_number)
    case_services.record_view(actor=actor, exhibit=item, purpose="looked at the exhibit's page")
    runs = list(analyses_for(actor, exhibit=item))
    newest = next((run for run in runs if seen_of(run)), None)
    finding = finding_for(actor, newest) if newest else None
    custody = custody_of(actor, item).order_by("-id")
    context = {
        "exhibit": item,
        "case": item.case,
        "may": may(actor, item.case),
        "nav": "cases",
        "rows": [(run, seen_of(run)) for run in runs],
        "custody": lines(custody, newest_views(custody)[:CUSTODY_SHOWN]),
        "duplicates": same_content(actor, item)[:10],
        "transfers": transfers_of(actor, item)[:5],
        "settings_form": SettingsForm(),
        "measured_by": newest,
    }
    if newest is not None and finding is not None:
        result = result_of(finding)
        tree = lineage(actor, newest)
        context |= {
            "media": result.media,
            "origin": origin_of(result),
            "lineage": tree,
            "derived": tree.size,
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
        exhibits_of(actor, this_case).filter(
            number__in=whole_numbers(request.POST.getlist("exhibit"))
        )
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
    queued = queue_each(request, actor, chosen, form)
    if len(queued) == 1:
        return redirect("detection:analysis", queued[0].pk)
    if queued:
        told = ngettext("%(n)d analysis is queued.", "%(n)d analyses are queued.", len(queued))
        messages.success(request, told % {"n": len(queued)})
        return redirect("detection:batch", number)
    return back
