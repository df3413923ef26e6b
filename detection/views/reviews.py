"""The review queue."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.actors import actor_for
from accounts.people import person
from detection.models import Review
from detection.selectors import review_queue

RECENT = 30


@login_required
@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """Reviews asked of me, oldest first, and those I have given."""
    given = (
        Review.objects.filter(reviewer=person(request))
        .select_related("analysis__exhibit__case")
        .order_by("-created_at")[:RECENT]
    )
    context = {"asked": review_queue(actor_for(request)), "given": given, "nav": "reviews"}
    return render(request, "detection/reviews.html", context)
