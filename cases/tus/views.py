"""The two addresses of the tus protocol. Sign-in by session (with CSRF token) or API key."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import Actor, actor_for
from accounts.api.problems import problem
from accounts.api.views import FrontDesk
from accounts.authentication import ApiKeyAuthentication
from cases import selectors
from cases.acquisition import Acquisition
from cases.errors import CasesError, RefusalCode
from cases.hashing import CHUNK
from cases.models import Case, Upload
from cases.permissions import CaseAction
from cases.services import uploads
from cases.tus import protocol
from cases.tus.protocol import ProtocolError

STATUS = {
    RefusalCode.TOO_LARGE: 413,
    RefusalCode.QUOTA: 413,
    RefusalCode.UNSUPPORTED_TYPE: 415,
    RefusalCode.CASE_CLOSED: 409,
    "offset": 409,
    "gone": 410,
    "too_long": 413,
    "locked": 423,
    "checksum": 460,
    "scanner": 503,
}


class TusView(FrontDesk):
    """What both addresses share: version check, and errors as problem documents."""

    telling_headers = ("Upload-Length", "Upload-Metadata")

    authentication_classes = [ApiKeyAuthentication, SessionAuthentication]
    permission_classes = [IsAuthenticated]
    # The protocol is documented by tus.io; an OpenAPI description could not express it.
    schema = None

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        override = request.headers.get("X-HTTP-Method-Override", "")
        if request.method == "POST" and override in ("PATCH", "DELETE"):
            request.method = override
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        response["Tus-Resumable"] = protocol.VERSION
        if response.status_code == 412:
            response["Tus-Version"] = protocol.VERSION
        return response

    def check_size(self, request: Request) -> None:
        """Pieces are read bit by bit and counted on the way."""

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        if request.headers.get("Tus-Resumable") != protocol.VERSION and request.method != "OPTIONS":
            raise ProtocolError(412, f"Speak tus {protocol.VERSION} (header Tus-Resumable).")

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, ProtocolError):
            return problem(exc.status, "protocol", exc.message)
        if isinstance(exc, CasesError):
            return problem(STATUS.get(exc.code, 422), str(exc.code), exc.message)
        return super().handle_exception(exc)

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        return Response(status=204, headers=protocol.capabilities())


class Uploads(TusView):
    """``POST``: announce a file."""

    def post(self, request: Request) -> Response:
        if "Upload-Defer-Length" in request.headers:
            raise ProtocolError(400, "Announce the length; Upload-Defer-Length is not supported.")
        size, stated = protocol.number(request, "Upload-Length"), protocol.metadata(request)
        actor = actor_for(request)
        upload = uploads.start_upload(
            actor=actor,
            case=_case(actor, stated.get("case", "")),
            filename=stated.get("filename", ""),
            size=size,
            declared_sha256=stated.get("sha256", ""),
            acquisition=Acquisition.from_dict(stated),
        )
        # A path, not a whole URL: behind a proxy the scheme and host seen here may be others.
        headers = {**protocol.upload_headers(upload), "Location": f"{request.path}{upload.pk}"}
        return Response(status=201, headers=headers)


class OneUpload(TusView):
    """``HEAD``: how far it is. ``PATCH``: more bytes. ``DELETE``: give it up."""

    def head(self, request: Request, upload_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        upload = uploads.finish_if_complete(actor=actor, upload=_upload(actor, upload_id))
        if upload.state not in (Upload.State.RECEIVING, Upload.State.FINISHED):
            return Response(status=410, headers={"Cache-Control": "no-store"})
        return Response(status=200, headers=protocol.upload_headers(upload))

    def patch(self, request: Request, upload_id: uuid.UUID) -> Response:
        if request.content_type != protocol.CONTENT_TYPE:
            raise ProtocolError(415, f"Send the bytes as {protocol.CONTENT_TYPE}.")
        actor = actor_for(request)
        upload = uploads.add_bytes(
            actor=actor,
            upload=_upload(actor, upload_id),
            offset=protocol.number(request, "Upload-Offset"),
            chunks=_body(request),
            checksum=protocol.checksum(request),
        )
        return Response(status=204, headers=protocol.upload_headers(upload))

    def delete(self, request: Request, upload_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        uploads.terminate_upload(actor=actor, upload=_upload(actor, upload_id))
        return Response(status=204)


def _body(request: Request) -> Iterator[bytes]:
    while chunk := request.read(CHUNK):
        yield chunk


def _case(actor: Actor, case_id: str) -> Case:
    try:
        case: Case = Case.objects.restrict(actor, CaseAction.CONTRIBUTE).get(pk=case_id)
    except (Case.DoesNotExist, ValidationError) as error:
        raise Http404("There is no such case.") from error
    return case


def _upload(actor: Actor, upload_id: uuid.UUID) -> Upload:
    try:
        upload: Upload = selectors.uploads_of(actor).get(pk=upload_id)
    except Upload.DoesNotExist as error:
        raise Http404("There is no such upload.") from error
    return upload
