"""The batch page: all exhibits of a case with their newest analysis, worked on together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.actors import Actor
from accounts.errors import QuotaExceeded
from cases.models import Case, Exhibit
from cases.permissions import CaseAction, require
from cases.views.frame import HtmxRequest, case_page
from detection import services
from detection.errors import DetectionError
from detection.forms import SettingsForm
from detection.health import queue_health
from detection.models import OPEN_STATUSES, Analysis, AnalysisStatus, Finding
from detection.selectors import analyses_for, batch_of
from detection.views.comparison import MOST_COMPARED
from detection.views.tables import csv_response, findings_by_run, queue_each, whole_numbers

PAGE_SIZE = 250
ORDERS = {
    "exhibit": "number",
    "name": "name",
    "kind": "kind",
    "state": "run_status",
    "verdict": "seen_verdict",
    "lr": "seen_log10_lr",
}
SHOWN: dict[str, dict[str, Any]] = {
    "": {},
    "new": {"run_id": None},
    "open": {"run_status__in": OPEN_STATUSES},
    "failed": {"run_status": AnalysisStatus.FAILED},
    "complete": {"run_status": AnalysisStatus.COMPLETE},
}
CSV_HEADER = (
    "exhibit", "file", "kind", "sha256", "analysis", "profile", "status", "verdict", "probability",
    "log10_lr", "submitted", "started", "finished", "error_code", "error",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """An exhibit with its newest analysis and what may be seen of its finding."""

    exhibit: Exhibit
    run: Analysis | None
    finding: Finding | None


@dataclass(frozen=True)
class Progress:
    """How many exhibits stand where; ``percent`` of those with an analysis are finished."""

    new: int
    open: int
    complete: int
    failed: int
    cancelled: int

    @property
    def finished(self) -> int:
        return self.complete + self.failed + self.cancelled

    @property
    def started(self) -> int:
        return self.finished + self.open

    @property
    def percent(self) -> int:
        return round(100 * self.finished / self.started) if self.started else 0


@login_required
@require_http_methods(["GET", "POST"])
def batch(request: HtmxRequest, number: str) -> HttpResponse:
    """The table; POST ``do``: ``analyse`` or ``compare`` the chosen exhibits, ``rerun`` failed."""
    context = case_page(request, number, tab="batch")
    actor, case = context["actor"], context["case"]
    if not context["may"].get(str(CaseAction.VIEW_FINDINGS)):
        raise PermissionDenied(_("Your role in this case does not include its findings."))
    everything = batch_of(actor, case)
    if request.method == "POST":
        return _done(request, actor, case, everything)
    shown = request.GET.get("show", "")
    sort = request.GET.get("sort", "exhibit")
    order = ORDERS.get(sort.removeprefix("-"), "number")
    listed = everything.filter(**SHOWN.get(shown, {})).order_by(
        f"-{order}" if sort.startswith("-") else order, "number"
    )
    if request.GET.get("format") == "csv":
        return csv_response(f"batch-{number}", CSV_HEADER, map(_csv_row, _rows(actor, listed)))
    page = Paginator(listed, PAGE_SIZE).get_page(request.GET.get("page"))
    context |= {
        "page": page,
        "rows": _rows(actor, page.object_list),
        "progress": _progress(everything),
        "queue": queue_health(),
        "settings_form": SettingsForm(),
        "show": shown,
        "sort": sort,
        "most_compared": MOST_COMPARED,
    }
    template = "detection/_batch.html" if request.htmx else "detection/batch.html"
    return render(request, template, context)


def _rows(actor: Actor, exhibits: Iterable[Any]) -> list[Row]:
    listed = list(exhibits)
    wanted = [exhibit.run_id for exhibit in listed if exhibit.run_id]
    runs = {run.pk: run for run in analyses_for(actor).filter(pk__in=wanted)}
    findings = findings_by_run(actor, runs.values())
    return [
        Row(exhibit, runs.get(exhibit.run_id), findings.get(exhibit.run_id)) for exhibit in listed
    ]


def _progress(exhibits: QuerySet[Any]) -> Progress:
    counted = exhibits.order_by().values("run_status").annotate(n=Count("pk"))
    by_status = {row["run_status"]: row["n"] for row in counted}
    return Progress(
        new=by_status.get(None, 0),
        open=sum(by_status.get(status, 0) for status in OPEN_STATUSES),
        complete=by_status.get(AnalysisStatus.COMPLETE, 0),
        failed=by_status.get(AnalysisStatus.FAILED, 0),
        cancelled=by_status.get(AnalysisStatus.CANCELLED, 0),
    )


def _csv_row(row: Row) -> list[object]:
    exhibit, run, finding = row.exhibit, row.run, row.finding
    return [
        exhibit.label,
        exhibit.name,
        exhibit.kind,
        exhibit.sha256,
        run and str(run.pk),
        run and run.profile,
        run.status if run else "not analysed",
        finding and finding.verdict,
        finding and finding.probability,
        finding and finding.log10_lr,
        run and run.created_at.isoformat(),
        run and run.started_at and run.started_at.isoformat(),
        run and run.finished_at and run.finished_at.isoformat(),
        run and run.error_code,
        run and run.error_message,
    ]


def _done(
    request: HttpRequest, actor: Actor, case: Case, everything: QuerySet[Any]
) -> HttpResponse:
    chosen = everything.filter(number__in=whole_numbers(request.POST.getlist("exhibit")))
    if request.POST.get("do") == "compare":
        return _to_comparison(request, case, chosen)
    require(actor, case, CaseAction.ANALYSE)
    if request.POST.get("do") == "rerun":
        _rerun(request, actor, everything.filter(run_status=AnalysisStatus.FAILED))
        return redirect("detection:batch", case.number)
    form = SettingsForm(request.POST)
    if not form.is_valid():
        for errors in form.errors.values():
            messages.error(request, str(errors[0]))
    elif not chosen:
        messages.error(request, _("Choose at least one exhibit."))
    else:
        _tell_queued(request, len(queue_each(request, actor, chosen, form)))
    return redirect("detection:batch", case.number)


def _to_comparison(request: HttpRequest, case: Case, chosen: QuerySet[Any]) -> HttpResponse:
    runs = [
        str(exhibit.run_id)
        for exhibit in chosen.order_by("number")
        if exhibit.run_status == AnalysisStatus.COMPLETE
    ]
    if not 2 <= len(runs) <= MOST_COMPARED:
        messages.error(
            request,
            _("Choose two to %(most)d exhibits whose analysis is complete.")
            % {"most": MOST_COMPARED},
        )
        return redirect("detection:batch", case.number)
    asked = QueryDict(mutable=True)
    asked.setlist("run", runs)
    return redirect(f"{reverse('detection:compare')}?{asked.urlencode()}")


def _rerun(request: HttpRequest, actor: Actor, failed: QuerySet[Any]) -> None:
    queued = 0
    for run in analyses_for(actor).filter(pk__in=failed.values("run_id")):
        try:
            services.rerun_analysis(actor=actor, analysis=run)
        except DetectionError as refusal:
            messages.error(request, f"{run.exhibit.label}: {refusal.message}")
        except QuotaExceeded as refusal:
            messages.error(request, refusal.message)
            break
        else:
            queued += 1
    _tell_queued(request, queued)


def _tell_queued(request: HttpRequest, count: int) -> None:
    if count:
        told = ngettext("%(n)d analysis is queued.", "%(n)d analyses are queued.", count)
        messages.success(request, told % {"n": count})
