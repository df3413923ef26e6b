"""Unknown addresses and failures: a problem (RFC 9457) for programs, a page for people."""

from __future__ import annotations

import structlog
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

from accounts.api.problems import CONTENT_TYPE

# What programs call; everything else is read by people.
PROGRAMS = ("/api/", "/detect/", "/status/", "/models/", "/analyze", "/batch", "/health")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    if request.path.startswith(PROGRAMS):
        return _problem(404, "not_found", "There is nothing at this address.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """500; what happened is in the log under the request id."""
    if request.path.startswith(PROGRAMS):
        return _problem(500, "internal", "This should not have happened; quote the request id.")
    return defaults.server_error(request)


def _problem(status: int, code: str, detail: str) -> HttpResponse:
    body = {
        "type": f"urn:dfd:problem:{code}",
        "title": "Not Found" if status == 404 else "Internal Server Error",
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": structlog.contextvars.get_contextvars().get("request_id", ""),
    }
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE)
