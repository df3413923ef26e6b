"""Small middleware that belongs to no room."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_only_middleware

Handler = Callable[[HttpRequest], HttpResponse]


@sync_only_middleware
def request_id_header(get_response: Handler) -> Handler:
    """Answer with ``X-Request-ID``, the id that the log lines and the ledger carry."""

    def handle(request: HttpRequest) -> HttpResponse:
        request_id = structlog.contextvars.get_contextvars().get("request_id", "")
        response = get_response(request)
        response.headers["X-Request-ID"] = request_id
        return response

    return handle
