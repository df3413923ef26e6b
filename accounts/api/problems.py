"""Errors as RFC 9457 problem details (``application/problem+json``)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.http import Http404
from redis.exceptions import RedisError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from accounts.actors import actor_for
from accounts.refusals import record_refusal

CONTENT_TYPE = "application/problem+json"

# Status of the rooms' own errors by their stable code; what is not listed is a conflict (409).
STATUS_OF_CODE = {
    "empty": 422,
    "corrupt": 422,
    "truncated": 422,
    "hash_mismatch": 422,
    "unsupported_type": 415,
    "too_large": 413,
    "quota": 413,
    "quota_too_small": 413,
    "quota_used_up": 429,
    "bad_parameters": 422,
    "unknown_profile": 422,
    "title": 422,
    "text": 422,
    "reason": 422,
    "role": 422,
    "acquired_at": 422,
    "source": 422,
    "collector": 422,
    "authority": 422,
    "method": 422,
    "corrects": 422,
    "exhibit": 422,
    "missing": 503,
    "scanner": 503,
    "no_exhibits": 422,
    "redaction": 422,
    "pdf_unavailable": 503,
    "url": 422,
    "events": 422,
}


# Of protocols that HTTP's own registry does not know.
TITLES = {460: "Checksum Mismatch"}


class Problem(exceptions.APIException):
    """An error of the API itself with its own status and code."""

    def __init__(self, status: int, code: str, detail: str, **headers: str) -> None:
        super().__init__(detail, code)
        self.status_code = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: dict[str, Any] | list[Any] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """A problem response; ``errors`` lists what is wrong by field."""
    body: dict[str, Any] = {
        "type": f"urn:dfd:problem:{code}",
        "title": TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": structlog.contextvars.get_contextvars().get("request_id", ""),
    }
    if errors is not None:
        body["errors"] = errors
    return Response(body, status=status, headers=headers, content_type=CONTENT_TYPE)


def handle(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. None (a 500 with its log entry) for what nobody foresaw."""
    response = _response(exc)
    if isinstance(exc, PermissionDenied):
        request = context["request"]
        record_refusal(request, actor_for(request), exc)
    if response is not None:
        set_rollback()
    return response


def _response(exc: Exception) -> Response | None:
    if isinstance(exc, ObjectDoesNotExist | Http404):
        return problem(404, "not_found", "There is no such thing here, or you may not see it.")
    if isinstance(exc, PermissionDenied):
        return problem(403, "permission_denied", str(exc) or "You may not do this.")
    if isinstance(exc, exceptions.ValidationError):
        return problem(422, "invalid", "Some fields are not as they should be.", errors=exc.detail)
    if isinstance(exc, exceptions.APIException):
        return _of_framework(exc)
    if isinstance(exc, RedisError):
        return problem(503, "queue_unavailable", "The queue does not answer; try again shortly.")
    code, message = getattr(exc, "code", None), getattr(exc, "message", None)
    if isinstance(code, str) and isinstance(message, str):
        wait = getattr(exc, "retry_after", 0)
        headers = {"Retry-After": str(wait)} if wait else None
        return problem(STATUS_OF_CODE.get(code, 409), str(code), message, headers=headers)
    return None


def _of_framework(exc: exceptions.APIException) -> Response:
    headers = dict(getattr(exc, "headers", {}))
    challenge = getattr(exc, "auth_header", None)
    if challenge:
        headers["WWW-Authenticate"] = challenge
    wait = getattr(exc, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(int(wait) + 1)
    codes = exc.get_codes()
    code = codes if isinstance(codes, str) else "error"
    return problem(exc.status_code, code, str(exc.detail), headers=headers)
