"""The tab of a case where reports and bundles are made and fetched."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.actors import actor_for
from accounts.reauthentication import require_recent_sign_in
from cases.errors import CasesError
from cases.permissions import CaseAction, require
from cases.selectors import exhibits_of
from cases.views.frame import HtmxRequest, case_page
from reports import selectors, services
from reports.errors import ReportsError
from reports.files import content_of
from reports.forms import BundleForm, ReportForm
from reports.models import Export, ExportRequest


@login_required
@require_GET
def case_reports(request: HtmxRequest, number: str) -> HttpResponse:
    """What was exported from the case or is being made, and the two forms to order more."""
    context = case_page(request, number, tab="reports")
    if not context["may"].get(str(CaseAction.VIEW_FINDINGS)):
        raise PermissionDenied(_("Your role in this case does not include its findings."))
    actor, case = context["actor"], context["case"]
    orders = list(selectors.requests_for(actor, case))
    context |= {
        "orders": orders,
        "unfinished": sum(not order.is_finished for order in orders),
    }
    if request.htmx:
        return render(request, "reports/_exports.html", context)
    return render(
        request,
        "reports/exports.html",
        {
            **context,
            "report_form": ReportForm(analyses=selectors.reportable_analyses(actor, case)),
            "bundle_form": BundleForm(exhibits=exhibits_of(actor, case)),
        },
    )


@login_required
@require_POST
@require_recent_sign_in
def create_report(request: HttpRequest, number: str) -> HttpResponse:
    """Order a report on one finding."""
    context = case_page(request, number, tab="reports")
    actor = context["actor"]
    require(actor, context["case"], CaseAction.EXPORT)
    form = ReportForm(request.POST, analyses=selectors.reportable_analyses(actor, context["case"]))
    return _order(
        request,
        number,
        form,
        lambda: services.request_report(
            actor=actor,
            analysis=form.cleaned_data["analysis"],
            kind=form.cleaned_data["kind"],
        ),
    )


@login_required
@require_POST
@require_recent_sign_in
def create_bundle(request: HttpRequest, number: str) -> HttpResponse:
    """Order an evidence bundle, redacted if something is left out."""
    context = case_page(request, number, tab="reports")
    actor, case = context["actor"], context["case"]
    require(actor, case, CaseAction.EXPORT)
    form = BundleForm(request.POST, exhibits=exhibits_of(actor, case))
    return _order(
        request,
        number,
        form,
        lambda: services.request_bundle(
            actor=actor,
            case=case,
            exhibits=list(form.cleaned_data["exhibits"]) or None,
            redactions=form.cleaned_data["redactions"],
            purpose=form.cleaned_data["purpose"],
        ),
    )


@login_required
def download(request: HttpRequest, export_id: str) -> HttpResponseBase:
    """The stored file; the download stands in the ledger."""
    actor = actor_for(request)
    try:
        export = selectors.export_for(actor, export_id)
    except Export.DoesNotExist as error:
        raise Http404 from error
    try:
        answer = file_of(export)
    except (ReportsError, CasesError) as refusal:
        messages.error(request, refusal.message)
        return redirect("reports:case_reports", export.case.number)
    services.record_download(actor=actor, export=export)
    return answer


def file_of(export: Export) -> StreamingHttpResponse:
    """The file as an attachment under its own name. Raises as ``files.content_of``."""
    answer = StreamingHttpResponse(content_of(export), content_type=export.mime_type)
    answer["Content-Length"] = str(export.size)
    answer["Content-Disposition"] = f'attachment; filename="{export.filename}"'
    return answer


def _order(
    request: HttpRequest,
    number: str,
    form: ReportForm | BundleForm,
    order: Callable[[], ExportRequest],
) -> HttpResponse:
    if not form.is_valid():
        messages.error(request, _("Choose what to export: ") + form.errors.as_text())
        return redirect("reports:case_reports", number)
    try:
        order()
    except (ReportsError, CasesError) as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(
            request, _("Ordered. You may leave this page; you are told when it is ready.")
        )
    return redirect("reports:case_reports", number)
