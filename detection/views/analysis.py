"""One analysis: its progress, its finding, its reviews, its files."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRefresh

from accounts.actors import Actor, actor_for
from accounts.errors import QuotaExceeded
from cases.errors import StoreError
from cases.views.frame import may
from detection import services
from detection.errors import DetectionError
from detection.forms import ReviewForm, ReviewRequestForm
from detection.health import queue_health
from detection.lineage import lineage
from detection.models import Analysis, AnalysisStatus, Artefact, ReviewKind, Stage
from detection.selectors import (
    analyses_for,
    analysis_for,
    artefact_bytes,
    artefact_for,
    artefacts_kept,
    finding_for,
    findings_for,
    is_blinded,
    models_used,
    possible_reviewers,
    result_of,
    reviews_for,
)
from detection.views.comparison import MOST_COMPARED, side_by_side
from detection.views.finding import finding_page
from detection.views.reliability import reliability_of

STAGES = [stage for stage in Stage.values if stage != Stage.COMPLETE]


def analysis_or_404(actor: Actor, analysis_id: str) -> Analysis:
    """The analysis with exhibit and case, or Http404."""
    try:
        return analysis_for(actor, analysis_id)
    except Analysis.DoesNotExist as error:
        raise Http404 from error


@login_required
@require_GET
def analysis(request: HttpRequest, analysis_id: str) -> HttpResponse:
    """Progress while it runs, the finding when it is complete, the reason when it failed."""
    actor = actor_for(request)
    run = analysis_or_404(actor, analysis_id)
    services.record_view(actor=actor, analysis=run)
    case = run.exhibit.case
    context: dict[str, Any] = {
        "analysis": run,
        "exhibit": run.exhibit,
        "case": case,
        "may": may(actor, case),
        "nav": "cases",
        **waiting(run),
        "stages": STAGES,
    }
    if run.status == AnalysisStatus.COMPLETE:
        context |= _outcome(actor, run)
    return render(request, "detection/analysis.html", context)


def waiting(run: Analysis) -> dict[str, Any]:
    """``waiting_before`` and ``queue``: what a queued analysis waits for; nothing otherwise."""
    if run.status != AnalysisStatus.QUEUED:
        return {}
    queued = Analysis.objects.filter(status=AnalysisStatus.QUEUED)
    before = queued.filter(created_at__lt=run.created_at).count()
    return {"waiting_before": before, "queue": queue_health()}


def _outcome(actor: Actor, run: Analysis) -> dict[str, Any]:
    finding = finding_for(actor, run)
    blinded = finding is None and is_blinded(actor, run)
    context: dict[str, Any] = {
        "finding": finding,
        "blinded": blinded,
        "review_form": ReviewForm(initial={"kind": ReviewKind.OPINION}),
        "request_form": ReviewRequestForm(reviewers=possible_reviewers(actor, run)),
        "others": analyses_for(actor, exhibit=run.exhibit)
        .filter(status=AnalysisStatus.COMPLETE)
        .exclude(pk=run.pk)[:10],
    }
    if finding is not None:
        result = result_of(finding)
        context |= {
            "page": finding_page(result, artefacts_kept(actor, run)),
            "lineage": lineage(actor, run),
            "reviews": list(reviews_for(actor, run)),
            "reliability": reliability_of(models_used(finding), result),
        }
    return context


@login_required
@require_GET
def progress(request: HttpRequest, analysis_id: str) -> HttpResponse:
    """The progress panel, polled every two seconds; a finished run reloads the page once."""
    run = analysis_or_404(actor_for(request), analysis_id)
    if run.is_finished:
        return HttpResponseClientRefresh()
    context = {"analysis": run, **waiting(run), "stages": STAGES}
    return render(request, "detection/_progress.html", context)


@login_required
@require_POST
def rerun(request: HttpRequest, analysis_id: str) -> HttpResponse:
    """Queue the same profile and settings once more."""
    actor = actor_for(request)
    run = analysis_or_404(actor, analysis_id)
    try:
        again = services.rerun_analysis(actor=actor, analysis=run)
    except (DetectionError, QuotaExceeded) as refusal:
        messages.error(request, refusal.message)
        return redirect("detection:analysis", run.pk)
    messages.success(
        request, _("Queued again with the same settings. Compare both when it is done.")
    )
    return redirect("detection:analysis", again.pk)


@login_required
@require_POST
def cancel(request: HttpRequest, analysis_id: str) -> HttpResponse:
    """Stop a queued or running analysis."""
    actor = actor_for(request)
    run = analysis_or_404(actor, analysis_id)
    try:
        services.cancel_analysis(actor=actor, analysis=run)
    except DetectionError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("The analysis was cancelled."))
    return redirect("detection:analysis", run.pk)


@login_required
@require_POST
def review(request: HttpRequest, analysis_id: str) -> HttpResponse:
    """Record an opinion, a sign-off or a dissent."""
    actor = actor_for(request)
    run = analysis_or_404(actor, analysis_id)
    form = ReviewForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Give your reasons in words."))
        return redirect("detection:analysis", run.pk)
    given = form.cleaned_data
    try:
        services.add_review(
            actor=actor,
            analysis=run,
            kind=ReviewKind(given["kind"]),
            text=given["text"],
            agrees=given["agrees"],
        )
    except DetectionError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("Your review is in the record."))
    return redirect("detection:analysis", run.pk)


@login_required
@require_POST
def ask_review(request: HttpRequest, analysis_id: str) -> HttpResponse:
    """Ask a member of the case for an opinion, blind if wished."""
    actor = actor_for(request)
    run = analysis_or_404(actor, analysis_id)
    form = ReviewRequestForm(request.POST, reviewers=possible_reviewers(actor, run))
    if not form.is_valid():
        messages.error(request, _("Choose a member of the case who may review."))
        return redirect("detection:analysis", run.pk)
    reviewer = form.cleaned_data["reviewer"]
    try:
        services.request_review(
            actor=actor, analysis=run, reviewer=reviewer, blind=form.cleaned_data["blind"]
        )
    except DetectionError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("%(who)s was asked for a review.") % {"who": reviewer})
    return redirect("detection:analysis", run.pk)


@login_required
@require_GET
def artefact(request: HttpRequest, artefact_id: str) -> HttpResponse:
    """A derived file, re-hashed on reading; it never changes, so browsers may keep it."""
    try:
        derived = artefact_for(actor_for(request), artefact_id)
    except Artefact.DoesNotExist as error:
        raise Http404 from error
    try:
        content = artefact_bytes(derived)
    except StoreError as damaged:
        raise Http404(damaged.message) from damaged
    headers = {
        "Cache-Control": "private, max-age=86400, immutable",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": "inline",
    }
    return HttpResponse(content, content_type=derived.mime_type, headers=headers)


@login_required
@require_GET
def result_json(request: HttpRequest, analysis_id: str) -> HttpResponse:
    """The whole finding as JSON, exactly as stored."""
    actor = actor_for(request)
    finding = finding_for(actor, analysis_or_404(actor, analysis_id))
    if finding is None:
        raise PermissionDenied(_("There is no finding that you may read yet."))
    name = f"finding-{finding.analysis.exhibit.label.replace('/', '-')}.json"
    text = json.dumps(finding.result, indent=2, sort_keys=True, ensure_ascii=False)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type="application/json", headers=headers)


@login_required
@require_GET
def comparison(request: HttpRequest, analysis_id: str, other_id: str) -> HttpResponse:
    """Two runs side by side: numbers, settings, versions, and whether they agree."""
    actor = actor_for(request)
    return _compared(request, [analysis_or_404(actor, key) for key in (analysis_id, other_id)])


@login_required
@require_GET
def compare(request: HttpRequest) -> HttpResponse:
    """``run``, given twice or more: those runs side by side, each compared with the first."""
    actor = actor_for(request)
    try:
        asked = [str(uuid.UUID(text)) for text in dict.fromkeys(request.GET.getlist("run"))]
    except ValueError as error:
        raise Http404 from error
    if not 2 <= len(asked) <= MOST_COMPARED:
        raise Http404
    return _compared(request, [analysis_or_404(actor, key) for key in asked])


def _compared(request: HttpRequest, runs: list[Analysis]) -> HttpResponse:
    actor = actor_for(request)
    try:
        outcomes = [
            services.compare_runs(actor=actor, first=runs[0], second=run) for run in runs[1:]
        ]
    except DetectionError as refusal:
        messages.error(request, refusal.message)
        return redirect("detection:analysis", runs[0].pk)
    findings = findings_for(actor).filter(analysis__in=runs)
    results = {finding.analysis_id: result_of(finding) for finding in findings}
    context = {
        "runs": runs,
        "outcomes": list(zip(runs[1:], outcomes, strict=True)),
        "tables": side_by_side([results[run.pk] for run in runs]),
        "nav": "cases",
    }
    return render(request, "detection/comparison.html", context)
