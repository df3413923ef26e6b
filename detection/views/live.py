"""The live check: camera or microphone of the browser, examined window by window, not stored."""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.actors import actor_for
from accounts.people import person
from cases.selectors import cases_to_contribute
from detection import live
from detection.errors import LiveRefused

WINDOW_S = 4
LONGEST_S = 600
CASES = 100
# The drawing of the last windows: log10 LR from -REACH to REACH, the newest at the right.
DRAWN = 20
REACH = 3.0
STATUS = {
    "empty": HTTPStatus.UNPROCESSABLE_ENTITY,
    "times": HTTPStatus.UNPROCESSABLE_ENTITY,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "rate": HTTPStatus.TOO_MANY_REQUESTS,
    "busy": HTTPStatus.TOO_MANY_REQUESTS,
    "queue": HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True)
class Column:
    """One window in the drawing, in percent of its width and height."""

    window: live.Window
    left: float
    width: float
    top: float
    height: float
    strength: str


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The page; everything else happens in the browser."""
    context = {
        "nav": "live",
        "session": uuid.uuid4(),
        "cases": cases_to_contribute(actor_for(request))[:CASES],
        "window_s": WINDOW_S,
        "longest_s": LONGEST_S,
        "keeps_s": live.CLIP_TTL_S,
        **_answer(live.Session()),
    }
    return render(request, "detection/live.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def session(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """POST a clip (the body itself, so that it never touches a disk); GET what was found."""
    user_id = person(request).pk
    if request.method == "GET":
        try:
            found = live.session_of(user_id, session_id)
        except LiveRefused as refusal:
            return _refused(refusal)
        return render(request, "detection/_live_answer.html", _answer(found))
    try:
        start, end = _times(request)
        if int(request.headers.get("Content-Length") or 0) > live.CLIP_BYTES:
            raise LiveRefused("too_large", _("The clip is larger than the server accepts."))
        window = live.submit(
            user_id=user_id,
            session=session_id,
            clip=request.read(live.CLIP_BYTES + 1),
            start=start,
            end=end,
        )
    except LiveRefused as refusal:
        return _refused(refusal)
    return JsonResponse({"number": window.number}, status=HTTPStatus.ACCEPTED)


def _times(request: HttpRequest) -> tuple[float, float]:
    """Start and end of the clip in seconds since the session began."""
    try:
        start, end = (float(request.GET.get(name, "")) for name in ("start", "end"))
    except ValueError as error:
        raise LiveRefused("times", _("Send start and end of the clip in seconds.")) from error
    if not (math.isfinite(start) and math.isfinite(end) and 0 <= start <= end):
        raise LiveRefused("times", _("Send start and end of the clip in seconds."))
    return start, end


def _refused(refusal: LiveRefused) -> JsonResponse:
    told = {"code": refusal.code, "message": refusal.message}
    return JsonResponse(told, status=STATUS[refusal.code])


def _answer(found: live.Session) -> dict[str, Any]:
    return {
        "live": found,
        "columns": tuple(_columns(found.windows[-DRAWN:])),
        "lost": next((w for w in reversed(found.windows) if w.state == live.LOST), None),
        "failed": found.windows[-1]
        if found.windows and found.windows[-1].state == live.FAILED
        else None,
        "latest_first": tuple(reversed(found.windows)),
    }


def _columns(windows: tuple[live.Window, ...]) -> list[Column]:
    width = 100 / DRAWN
    columns = []
    for place, window in enumerate(windows):
        value = max(-REACH, min(REACH, window.log10_lr or 0.0))
        height = max(abs(value) / REACH * 50, 1.5)
        strength = {"FAKE": "fake-strong", "REAL": "real-strong"}.get(window.verdict, "open")
        top = 50 - height if value > 0 else 50.0
        columns.append(
            Column(
                window,
                left=round((DRAWN - len(windows) + place) * width + width * 0.15, 3),
                width=round(width * 0.7, 3),
                top=round(top, 3),
                height=round(height, 3),
                strength=strength,
            )
        )
    return columns
