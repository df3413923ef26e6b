"""Home, search, notifications and help."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.views.decorators.http import require_GET

from accounts.actors import Actor, actor_for
from accounts.people import person
from cases.models import Note
from cases.permissions import CaseAction
from cases.querysets import with_hash
from cases.selectors import cases_for, exhibits_for, transfers_waiting_for
from detection import services
from detection.health import queue_health
from detection.models import OPEN_STATUSES, Finding
from detection.selectors import analyses_for, findings_for, notifications_for, review_queue
from ml.result import Verdict

RECENT = 8
FOUND = 15
PAGE_SIZE = 50


@login_required
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """My cases, what waits for me, what runs."""
    actor = actor_for(request)
    context = {
        "nav": "home",
        "cases": cases_for(actor, status="open")[:RECENT],
        "reviews": review_queue(actor)[:RECENT],
        "transfers": transfers_waiting_for(actor).select_related("exhibit__case")[:RECENT],
        "unread": notifications_for(person(request)).filter(read_at=None)[:RECENT],
        "findings": findings_for(actor).defer("result").order_by("-created_at")[:RECENT],
        "running": analyses_for(actor).filter(status__in=OPEN_STATUSES)[:RECENT],
        "queue": queue_health(),
    }
    return render(request, "detection/home.html", context)


@login_required
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Everything one may see: cases, exhibits by name or hash, notes."""
    actor = actor_for(request)
    wanted = request.GET.get("q", "").strip()
    context: dict[str, object] = {"q": wanted, "nav": "search"}
    if wanted:
        exhibits = exhibits_for(actor).filter(
            Q(name__icontains=wanted)
            | Q(sha256__startswith=wanted.lower())
            | with_hash(wanted)
            | Q(source__icontains=wanted)
            | Q(collector__icontains=wanted)
        )
        notes = Note.objects.restrict(actor, CaseAction.VIEW_FINDINGS).filter(
            text__icontains=wanted
        )
        context |= {
            "cases": cases_for(actor, search=wanted)[:FOUND],
            "exhibits": exhibits.order_by("-received_at")[:FOUND],
            "notes": notes.select_related("case").order_by("-created_at")[:FOUND],
            "findings": _findings_called(actor, wanted)[:FOUND],
            "limit": FOUND,
        }
    return render(request, "detection/search.html", context)


def _findings_called(actor: Actor, word: str) -> QuerySet[Finding]:
    """The newest findings with the verdict ``word``; none for a word that is no verdict."""
    rows = findings_for(actor).defer("result").order_by("-created_at")
    return rows.filter(verdict=word.upper()) if word.upper() in set(Verdict) else rows.none()


@login_required
def notifications(request: HttpRequest) -> HttpResponse:
    """My lines, newest first; a button marks them read."""
    if request.method == "POST":
        services.mark_read(user=person(request))
        return redirect("detection:notifications")
    page = Paginator(notifications_for(person(request)), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    return render(request, "detection/notifications.html", {"page": page, "nav": "notifications"})


@login_required
@require_GET
def notification_count(request: HttpRequest) -> HttpResponse:
    """The small number on the bell; empty when nothing is unread."""
    unread = notifications_for(person(request)).filter(read_at=None).count()
    shown = format_html('<span class="count">{}</span>', min(unread, 99)) if unread else ""
    return HttpResponse(shown)


@require_GET
def help_page(request: HttpRequest) -> HttpResponse:
    """What a likelihood ratio is, what the tool cannot do. Open to everybody."""
    return render(request, "detection/help.html", {"nav": "help"})
