"""The addresses and answers of earlier systems, on top of cases, evidence and analyses.

Each call authenticates, takes the file into evidence, queues its analysis and waits for a while
(``Prefer: wait=N``). What takes longer is answered with 202 and a status address.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.conf import settings
from django.core.files.base import File
from django.core.files.uploadedfile import UploadedFile
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import Actor, actor_for
from accounts.api.parsers import Json, Multipart
from accounts.api.problems import Problem
from accounts.api.throttles import CallerRate, DetectionRate
from accounts.api.views import Resource
from accounts.errors import QuotaExceeded
from cases.errors import CasesError
from detection import selectors
from detection.api import intake
from detection.models import Analysis
from ml import answers
from ml.result import AnalysisResult

Shape = Callable[[AnalysisResult], dict[str, Any]]
BINARY = {"type": "string", "format": "binary"}


def form(files: Mapping[str, Any], *, optional: bool = False) -> dict[str, Any]:
    """The schema of a form with these files, all of them or any, and the case they belong to."""
    case = {"type": "string", "description": "id or number; else the key's own case"}
    return {
        "multipart/form-data": {
            "type": "object",
            "properties": {**files, "case": case},
            **({} if optional else {"required": list(files)}),
        }
    }


UPLOAD = form({"file": BINARY})
ANSWERED = {200: OpenApiTypes.OBJECT, 202: OpenApiTypes.OBJECT}


class CompatibleView(Resource):
    """One file in, one answer out."""

    serializer_class = None
    parser_classes = (Multipart, FormParser)
    throttle_classes = (CallerRate, DetectionRate)
    field: ClassVar[str] = "file"
    kind: ClassVar[str] = ""  # the only kind of recording that is taken, if any
    default_wait: ClassVar[float | None] = None

    @staticmethod
    def shape(result: AnalysisResult) -> dict[str, Any]:
        """The answer's dictionary; subclasses choose."""
        return answers.detection(result)

    def post(self, request: Request) -> Response:
        actor = actor_for(request)
        file = intake.uploaded(request, self.field)
        case = intake.case_of(request, actor)
        analysis = intake.submit(actor, case, file, self.kind)
        intake.wait_for([analysis], intake.seconds_to_wait(request, self.default_wait))
        if not analysis.is_finished:
            return accepted(actor, analysis)
        return Response(self.shape(intake.result_or_problem(actor, analysis)))


class ProbabilityView(CompatibleView):
    """``/api/v1/detect/…`` with the field named like the kind."""

    @staticmethod
    def shape(result: AnalysisResult) -> dict[str, Any]:
        return answers.probability_answer(result)


def of_kind(view: type[CompatibleView], kind: str, field: str) -> Any:
    """``view`` for recordings of one kind in the form field ``field``, with the schema of it."""
    made = type(f"{kind.title()}{view.__name__}", (view,), {"kind": kind, "field": field})
    described = extend_schema(request=form({field: BINARY}), responses=ANSWERED)
    return extend_schema_view(post=described)(made)


class MultimodalView(CompatibleView):
    """``/detect/multimodal``: any of ``audio``, ``image`` and ``video``, one fused answer."""

    @extend_schema(
        operation_id="detect_multimodal",
        request=form(dict.fromkeys(answers.MODALITY_WEIGHTS, BINARY), optional=True),
        responses=ANSWERED,
    )
    def post(self, request: Request) -> Response:
        actor = actor_for(request)
        files = {
            name: request.FILES[name] for name in answers.MODALITY_WEIGHTS if name in request.FILES
        }
        if not files:
            raise Problem(422, "file_missing", "Send at least one of audio, image and video.")
        case = intake.case_of(request, actor)
        analyses = {name: intake.submit(actor, case, file, name) for name, file in files.items()}
        intake.wait_for(list(analyses.values()), intake.seconds_to_wait(request))
        return _fused(actor, analyses)


class PartsSerializer(serializers.Serializer[Any]):
    """The analyses of the files that were sent together."""

    audio = serializers.UUIDField(required=False)
    image = serializers.UUIDField(required=False)
    video = serializers.UUIDField(required=False)


class MultimodalStatusView(Resource):
    """``/status/multimodal``: the fused answer of analyses that ``/detect/multimodal`` began."""

    serializer_class = None

    @extend_schema(
        operation_id="status_multimodal", parameters=[PartsSerializer], responses=ANSWERED
    )
    def get(self, request: Request) -> Response:
        actor = actor_for(request)
        parts = PartsSerializer(data=request.query_params)
        parts.is_valid(raise_exception=True)
        if not parts.validated_data:
            raise Problem(422, "invalid", "Name at least one analysis of audio, image and video.")
        return _fused(
            actor,
            {
                name: selectors.analysis_for(actor, analysis_id)
                for name, analysis_id in parts.validated_data.items()
            },
        )


class BatchUploadView(CompatibleView):
    """``/batch``: several files (``files`` or ``file``, repeated), an answer or a problem each."""

    @extend_schema(
        operation_id="batch",
        request=form({"files": {"type": "array", "items": BINARY, "minItems": 1}}),
        responses={200: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request) -> Response:
        actor = actor_for(request)
        files = request.FILES.getlist("files") + request.FILES.getlist("file")
        if not files:
            raise Problem(422, "file_missing", "Send the recordings in the field 'files'.")
        case = intake.case_of(request, actor)
        taken: list[tuple[str, Analysis | None, dict[str, Any]]] = []
        for file in files:
            taken.append(_try(file, lambda one: intake.submit(actor, case, one)))
        analyses = [analysis for _, analysis, _ in taken if analysis is not None]
        intake.wait_for(analyses, intake.seconds_to_wait(request))
        results = [
            {"filename": name, **(_state(actor, analysis) if analysis else refusal)}
            for name, analysis, refusal in taken
        ]
        return Response({"total": len(results), "results": results})


class DirectoryView(Resource):
    """``/api/v1/batch/process``: every file of a folder below the server's inbox."""

    serializer_class = None
    parser_classes = (Json,)
    throttle_classes = (CallerRate, DetectionRate)

    @extend_schema(
        operation_id="batch_process",
        request={
            "application/json": {
                "type": "object",
                "required": ["directory"],
                "properties": {
                    "directory": {"type": "string"},
                    "file_extension": {"type": "string", "default": ".mp4"},
                    "case": {"type": "string"},
                },
            }
        },
        responses={202: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request) -> Response:
        actor = actor_for(request)
        if not isinstance(request.data, dict):
            raise Problem(422, "invalid", "Send a JSON object with 'directory'.")
        folder = _inbox_folder(str(request.data.get("directory", "")))
        extension = str(request.data.get("file_extension", ".mp4")).lower()
        case = intake.case_of(request, actor)
        results = []
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.suffix.lower() == extension:
                with path.open("rb") as stream:
                    file = UploadedFile(File(stream), path.name, size=path.stat().st_size)
                    _, analysis, refusal = _try(file, lambda one: intake.submit(actor, case, one))
                state = progress(actor, analysis) if analysis else refusal
                results.append({"filename": path.name, **state})
        return Response({"total": len(results), "results": results}, status=202)


class AnalyzeView(CompatibleView):
    """``/analyze``: ``{analysisId, status, percent, stageName}`` at once; with ``Prefer: wait=N``
    the finished state."""

    default_wait = 0

    @extend_schema(
        operation_id="analyze",
        request=UPLOAD,
        responses=ANSWERED,
    )
    def post(self, request: Request) -> Response:
        actor = actor_for(request)
        file = intake.uploaded(request, self.field)
        analysis = intake.submit(actor, intake.case_of(request, actor), file)
        intake.wait_for([analysis], intake.seconds_to_wait(request, self.default_wait))
        state = _staged(actor, analysis)
        return Response(
            {"analysisId": str(analysis.pk), **state}, status=200 if analysis.is_finished else 202
        )


class StatusView(Resource):
    """``/status/{analysisId}``: the same shape until it says complete or error."""

    serializer_class = None

    @extend_schema(operation_id="status", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, analysis_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        return Response(_staged(actor, selectors.analysis_for(actor, analysis_id)))


class UploadView(CompatibleView):
    """``/api/upload``: ``{success, analysis_id, filename}``."""

    @extend_schema(operation_id="upload", request=UPLOAD, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        actor = actor_for(request)
        file = intake.uploaded(request, self.field)
        analysis = intake.submit(actor, intake.case_of(request, actor), file)
        body = {"success": True, "analysis_id": str(analysis.pk), "filename": analysis.exhibit.name}
        return Response(body, status=202)


class HistoryView(Resource):
    """``/api/history``: the latest hundred analyses that the caller may see."""

    serializer_class = None

    @extend_schema(operation_id="history", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        actor = actor_for(request)
        rows = selectors.analyses_for(actor)[:100]
        history = [
            {
                "analysis_id": str(row.pk),
                "filename": row.exhibit.name,
                "timestamp": row.created_at.isoformat(),
                **_staged(actor, row),
            }
            for row in rows
        ]
        return Response({"history": history})


class ClearHistoryView(Resource):
    """``/api/clear_history``: refused. Records of casework are kept."""

    serializer_class = None

    @extend_schema(operation_id="clear_history", request=None, responses={403: None})
    def post(self, _request: Request) -> Response:
        raise Problem(
            403, "history_is_kept", "Analyses are records of a case and cannot be cleared."
        )


def accepted(actor: Actor, analysis: Analysis) -> Response:
    """202 with the address to poll."""
    state = progress(actor, analysis)
    return Response(state, status=202, headers={"Location": state["status_url"]})


def progress(actor: Actor, analysis: Analysis) -> dict[str, Any]:
    """Where an analysis stands, and the address to poll."""
    return {
        **_staged(actor, analysis),
        "analysisId": str(analysis.pk),
        "status_url": reverse("status", args=[analysis.pk]),
    }


def _fused(actor: Actor, analyses: dict[str, Analysis]) -> Response:
    """One answer for all files, or 202 with the address at which it will be."""
    if all(analysis.is_finished for analysis in analyses.values()):
        results = {
            name: intake.result_or_problem(actor, analysis) for name, analysis in analyses.items()
        }
        return Response(answers.multimodal(results))
    query = urlencode({name: analysis.pk for name, analysis in analyses.items()})
    return Response(
        {name: progress(actor, analysis) for name, analysis in analyses.items()},
        status=202,
        headers={"Location": f"{reverse('status_multimodal')}?{query}"},
    )


def _staged(actor: Actor, analysis: Analysis) -> dict[str, Any]:
    state: dict[str, Any] = {
        "status": {"complete": "complete", "failed": "error", "cancelled": "error"}.get(
            analysis.status, "processing"
        ),
        "percent": analysis.percent,
        "stageName": analysis.stage,
    }
    if state["status"] == "error":
        state["error"] = analysis.error_message or f"The analysis was {analysis.status}."
    finding = selectors.finding_for(actor, analysis)
    if finding is not None:
        state["result"] = answers.verdict_answer(selectors.result_of(finding))
    return state


def _state(actor: Actor, analysis: Analysis) -> dict[str, Any]:
    if not analysis.is_finished:
        return progress(actor, analysis)
    try:
        return answers.detection(intake.result_or_problem(actor, analysis))
    except Problem as problem:
        return {"error": str(problem.detail), "code": str(problem.get_codes())}


def _try(
    file: UploadedFile[Any], submit: Callable[[UploadedFile[Any]], Analysis]
) -> tuple[str, Analysis | None, dict[str, Any]]:
    """One file of many: what one refuses does not stop the others."""
    name = file.name or "upload"
    try:
        return name, submit(file), {}
    except (CasesError, QuotaExceeded) as error:
        return name, None, {"error": error.message, "code": str(error.code)}
    except Problem as problem:
        return name, None, {"error": str(problem.detail), "code": str(problem.get_codes())}


def _inbox_folder(directory: str) -> Path:
    """``directory`` below the inbox. Raises Problem 403 outside it, 404 when it does not exist."""
    inbox = settings.DFD.inbox_dir
    if inbox is None:
        raise Problem(
            403, "no_inbox", "This server reads no folders; an administrator can set DFD_INBOX_DIR."
        )
    folder = (inbox / directory).resolve()
    if not folder.is_relative_to(inbox.resolve()):
        raise Problem(403, "outside_inbox", "Only folders below the server's inbox can be read.")
    if not folder.is_dir():
        raise Problem(404, "not_found", "There is no such folder in the server's inbox.")
    return folder
