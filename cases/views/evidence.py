"""Taking files in without JavaScript, playing them, downloading and checking them."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.actors import actor_for
from accounts.errors import QuotaExceeded
from accounts.people import person
from cases import services
from cases.errors import CasesError, EvidenceRefused, ExhibitUnavailable
from cases.forms import UploadForm, first_errors
from cases.models import Exhibit
from cases.selectors import get_exhibit, same_content, transfers_waiting_for
from cases.storage import evidence_store
from cases.views.frame import case_or_404, exhibit_or_404, telling
from cases.views.ranges import ranged_response


@login_required
@require_POST
def upload(request: HttpRequest, number: str) -> HttpResponse:
    """Receive the files of a plain form, one after the other; each is told its own fate."""
    actor = actor_for(request)
    case = case_or_404(actor, number)
    form = UploadForm(request.POST, request.FILES, zone=person(request).timezone)
    if not form.is_valid():
        for error in first_errors(form):
            messages.error(request, error)
        return redirect("detection:case", number)
    for file in form.cleaned_data["files"]:
        name = file.name or "unnamed"
        if file.size and file.size > settings.DFD.max_upload_bytes:
            context = {"limit": settings.DFD.max_upload_bytes}
            return render(request, "413.html", context, status=413)
        try:
            exhibit = services.receive_evidence(
                actor=actor,
                case=case,
                stream=file,
                filename=name,
                acquisition=form.acquisition(),
            )
        except (EvidenceRefused, QuotaExceeded) as refusal:
            messages.error(request, f"{name}: {refusal.message}")
        else:
            messages.success(
                request,
                _("%(name)s is exhibit %(label)s.") % {"name": name, "label": exhibit.label},
            )
    return redirect("detection:case", number)


@login_required
@require_GET
def received(request: HttpRequest, exhibit_id: str) -> HttpResponse:
    """One line about an exhibit that has just arrived, for the upload panel."""
    actor = actor_for(request)
    try:
        exhibit = get_exhibit(actor, exhibit_id)
    except Exhibit.DoesNotExist as error:
        raise Http404 from error
    context = {"exhibit": exhibit, "duplicates": same_content(actor, exhibit)[:3]}
    return render(request, "cases/_received.html", context)


@login_required
@require_GET
def media(request: HttpRequest, number: str, exhibit_number: int) -> HttpResponseBase:
    """The original for the player of the page, in ranges. The page itself records the view."""
    exhibit = exhibit_or_404(actor_for(request), number, exhibit_number)
    if exhibit.state != Exhibit.State.STORED:
        raise Http404
    path = evidence_store().path(exhibit.storage_key)
    return ranged_response(request, path, exhibit.mime_type, exhibit.sha256)


@login_required
@require_POST
def download(request: HttpRequest, number: str, exhibit_number: int) -> HttpResponseBase:
    """The original as a file. A custody event states who took it and why."""
    actor = actor_for(request)
    exhibit = exhibit_or_404(actor, number, exhibit_number)
    purpose = request.POST.get("purpose", "").strip() or _("download from the web page")
    try:
        path = services.open_exhibit(actor=actor, exhibit=exhibit, purpose=purpose)
    except ExhibitUnavailable as refusal:
        messages.error(request, refusal.message)
        return redirect("detection:exhibit", number, exhibit_number)
    return FileResponse(
        path.open("rb"),
        as_attachment=True,
        filename=exhibit.name,
        content_type="application/octet-stream",
    )


@login_required
@require_POST
def verify(request: HttpRequest, number: str, exhibit_number: int) -> HttpResponse:
    """Re-hash the stored bytes now."""
    actor = actor_for(request)
    exhibit = exhibit_or_404(actor, number, exhibit_number)
    try:
        unchanged = services.verify_exhibit(actor=actor, exhibit=exhibit)
    except CasesError as refusal:
        messages.error(request, refusal.message)
    else:
        if unchanged:
            messages.success(request, _("The stored bytes still have the hash taken at intake."))
        else:
            messages.error(
                request,
                _("The stored bytes have changed. The exhibit is frozen and an alert was sent."),
            )
    return redirect("detection:exhibit", number, exhibit_number)


@login_required
@require_POST
def transfer(request: HttpRequest, transfer_id: str) -> HttpResponse:
    """Accept or decline custody that was offered to the reader."""
    actor = actor_for(request)
    offer = transfers_waiting_for(actor).filter(pk=transfer_id).first()
    if offer is None:
        raise Http404
    if request.POST.get("answer") == "accept":
        telling(
            lambda: services.accept_transfer(actor=actor, transfer=offer),
            request,
            done=_("You are now the custodian of %(label)s.") % {"label": offer.exhibit.label},
        )
    else:
        telling(
            lambda: services.decline_transfer(
                actor=actor, transfer=offer, reason=request.POST.get("reason", "").strip()
            ),
            request,
            done=_("The transfer was declined."),
        )
    return redirect("detection:home")
