"""The review queue."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.actors import actor_for
from detection.selectors import all_reviews_for, review_queue

RECENT = 30


@login_required
@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """Reviews asked of me, oldest first, and those I have given."""
    actor = actor_for(request)
    given = all_reviews_for(actor).filter(reviewer=actor.user).order_by("-created_at")[:RECENT]
    context = {"asked": review_queue(actor), "given": given, "nav": "reviews"}
    return render(request, "detection/reviews.html", context)
