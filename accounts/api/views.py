"""The base of every API resource: idempotent POST, sparse fields, rate limit headers."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import idempotency
from accounts.api.idempotency import Replay
from accounts.api.problems import Problem
from accounts.api.throttles import caller_of
from accounts.models import KeptAnswer


def http_request(request: Request) -> HttpRequest:
    """Django's request inside DRF's."""
    return request._request


def require_fit(request: Request) -> None:
    """Raise Problem 413 for a body that is announced larger than anything we take.

    Parsers read a body other than a form with files into memory; a form's files go to the disk.
    """
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if request.content_type.startswith("multipart/"):
        limit += settings.DFD.max_upload_bytes
    if int(request.headers.get("Content-Length") or 0) > limit:
        raise Problem(413, "body_too_large", f"A request may have {limit} bytes at most.")


class FrontDesk(APIView):
    """What every address does: a POST is done once, and answers tell what is left of the rate."""

    # Fields of answers that are shown once and never kept.
    secret_fields: ClassVar[tuple[str, ...]] = ()
    # Headers that make a request another one, besides its address and body.
    telling_headers: ClassVar[tuple[str, ...]] = ()
    _kept: KeptAnswer | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.check_size(request)
        self._kept = idempotency.begin(request, caller_of(request), self.telling_headers)

    def check_size(self, request: Request) -> None:
        """Raise Problem 413 for a body that is too large to read."""
        require_fit(request)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, Replay):
            return exc.response()
        return super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        if self._kept is not None and isinstance(response, Response):
            idempotency.finish(self._kept, response, self.secret_fields)
        final = super().finalize_response(request, response, *args, **kwargs)
        rate = getattr(request, "rate", None)
        if rate is not None:
            final.headers["RateLimit-Limit"] = str(rate.limit)
            final.headers["RateLimit-Remaining"] = str(rate.remaining)
            final.headers["RateLimit-Reset"] = str(rate.reset_s)
        return final


class Resource(FrontDesk, GenericAPIView[Any]):
    """A view of one kind of thing. Subclasses call services and selectors, nothing else."""

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """The header ``Allow``; what each method takes is said by the schema."""
        return Response(status=204)

    def page(self, rows: Any, serializer: type[Any] | None = None) -> Response:
        """One page of ``rows`` after this view's filters."""
        found = self.paginate_queryset(self.filter_queryset(rows))
        chosen = serializer or self.get_serializer_class()
        return self.get_paginated_response(
            chosen(found, many=True, context=self.get_serializer_context()).data
        )
