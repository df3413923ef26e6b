"""Analyses, findings, derived files and weight sets over HTTP."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

import django_filters as filters
from django.db import DatabaseError, connection
from django.http.response import HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import actor_for
from accounts.api.filters import Filters
from accounts.api.pages import Pages
from accounts.api.problems import Problem
from accounts.api.views import Resource, http_request
from cases.selectors import get_exhibit
from cases.storage import artefact_store
from cases.views.ranges import ranged_response
from detection import selectors, services
from detection.api.serializers import (
    AnalysisSerializer,
    ArtefactSerializer,
    BatchSubmissionSerializer,
    ComparisonSerializer,
    FindingSerializer,
    HealthSerializer,
    ModelSerializer,
    SubmissionSerializer,
)
from detection.health import queue_health
from detection.models import Analysis, Artefact, ModelVersion


class AnalysisFilter(filters.FilterSet):
    """``?status=complete&exhibit=…&case=…&profile=…&created_after=…&created_before=…``"""

    case = filters.UUIDFilter(field_name="exhibit__case_id")
    exhibit = filters.UUIDFilter(field_name="exhibit_id")
    verdict = filters.CharFilter(field_name="seen_verdict")
    created_after = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Analysis
        fields = ("status", "profile")


class ArtefactPages(Pages):
    """Derived files by name."""

    ordering = ("name",)


class ModelPages(Pages):
    """Weight sets, newest first."""

    ordering = ("-registered_at", "-pk")


class AnalysesView(Resource):
    """Analyses of every case the caller may see; a POST queues one or several."""

    queryset = Analysis.objects.none()
    serializer_class = AnalysisSerializer
    filterset_class = AnalysisFilter
    filter_backends = (Filters, OrderingFilter)
    ordering_fields = ("created_at",)

    @extend_schema(operation_id="analyses_list", responses=AnalysisSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.page(selectors.analyses_for(actor_for(request)))

    @extend_schema(
        operation_id="analyses_submit",
        request=SubmissionSerializer,
        responses={202: AnalysisSerializer},
    )
    def post(self, request: Request) -> Response:
        data = SubmissionSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        (analysis,) = _submit(request, [data.validated_data["exhibit"]], data.validated_data)
        where = reverse("api:analysis", args=[analysis.pk])
        return Response(self.get_serializer(analysis).data, status=202, headers={"Location": where})


class BatchView(Resource):
    """Queue the analyses of several exhibits: all of them or, on an error, none."""

    queryset = Analysis.objects.none()
    serializer_class = BatchSubmissionSerializer
    pagination_class = None

    @extend_schema(
        operation_id="analyses_submit_batch", responses={202: AnalysisSerializer(many=True)}
    )
    def post(self, request: Request) -> Response:
        data = self.get_serializer(data=request.data)
        data.is_valid(raise_exception=True)
        analyses = _submit(request, data.validated_data["exhibits"], data.validated_data)
        context = self.get_serializer_context()
        return Response(AnalysisSerializer(analyses, many=True, context=context).data, status=202)


class AnalysisView(Resource):
    """One analysis: poll it until ``status`` is complete, failed or cancelled."""

    serializer_class = AnalysisSerializer

    @extend_schema(operation_id="analyses_read")
    def get(self, request: Request, analysis_id: uuid.UUID) -> Response:
        analysis = selectors.analysis_for(actor_for(request), analysis_id)
        return Response(self.get_serializer(analysis).data)


class CancelView(Resource):
    """Stop a queued or running analysis."""

    serializer_class = AnalysisSerializer

    @extend_schema(operation_id="analyses_cancel", request=None)
    def post(self, request: Request, analysis_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        analysis = selectors.analysis_for(actor, analysis_id)
        cancelled = services.cancel_analysis(actor=actor, analysis=analysis)
        return Response(self.get_serializer(cancelled).data)


class RerunView(Resource):
    """Repeat a finished analysis with the same profile and parameters."""

    serializer_class = AnalysisSerializer

    @extend_schema(operation_id="analyses_rerun", request=None, responses={202: AnalysisSerializer})
    def post(self, request: Request, analysis_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        analysis = selectors.analysis_for(actor, analysis_id)
        again = services.rerun_analysis(actor=actor, analysis=analysis)
        where = reverse("api:analysis", args=[again.pk])
        return Response(self.get_serializer(again).data, status=202, headers={"Location": where})


class CompareView(Resource):
    """Compare the findings of two analyses and record the outcome."""

    serializer_class = ComparisonSerializer

    @extend_schema(operation_id="analyses_compare", request=None)
    def post(self, request: Request, analysis_id: uuid.UUID, other_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        compared = services.compare_runs(
            actor=actor,
            first=selectors.analysis_for(actor, analysis_id),
            second=selectors.analysis_for(actor, other_id),
        )
        return Response(dataclasses.asdict(compared))


class FindingView(Resource):
    """What the machine found. 404 until the analysis is complete; 403 for a blind reviewer."""

    serializer_class = FindingSerializer

    @extend_schema(operation_id="findings_read")
    def get(self, request: Request, analysis_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        analysis = selectors.analysis_for(actor, analysis_id)
        finding = selectors.finding_for(actor, analysis)
        if finding is None and selectors.is_blinded(actor, analysis):
            raise Problem(403, "blind", "Give your own opinion first; this review is blind.")
        if finding is None:
            raise Problem(404, "no_finding", f"This analysis is {analysis.status}: no finding yet.")
        return Response(self.get_serializer(finding).data)


class ArtefactsView(Resource):
    """The derived files of one analysis."""

    queryset = Artefact.objects.none()
    serializer_class = ArtefactSerializer
    pagination_class = ArtefactPages

    @extend_schema(operation_id="artefacts_list", responses=ArtefactSerializer(many=True))
    def get(self, request: Request, analysis_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        analysis = selectors.analysis_for(actor, analysis_id)
        return self.page(selectors.artefacts_for(actor, analysis))


class ArtefactView(Resource):
    """One derived file's description."""

    serializer_class = ArtefactSerializer

    @extend_schema(operation_id="artefacts_read")
    def get(self, request: Request, artefact_id: uuid.UUID) -> Response:
        artefact = selectors.artefact_for(actor_for(request), artefact_id)
        return Response(self.get_serializer(artefact).data)


class ArtefactContentView(Resource):
    """The bytes of a derived file, whole or in ranges."""

    serializer_class = None

    @extend_schema(operation_id="artefacts_download", responses={(200, "*/*"): OpenApiTypes.BINARY})
    def get(self, request: Request, artefact_id: uuid.UUID) -> HttpResponseBase:
        artefact = selectors.artefact_for(actor_for(request), artefact_id)
        path = artefact_store().path(artefact.storage_key)
        return ranged_response(http_request(request), path, artefact.mime_type, artefact.sha256)


class ModelsView(Resource):
    """The weight sets this platform has run."""

    queryset = ModelVersion.objects.none()
    serializer_class = ModelSerializer
    pagination_class = ModelPages

    @extend_schema(operation_id="models_list", responses=ModelSerializer(many=True))
    def get(self, _request: Request) -> Response:
        return self.page(ModelVersion.objects.prefetch_related("decisions"))


class ModelsInfoView(Resource):
    """``/models/info``: the weight sets of the registry, by name."""

    serializer_class = None

    @extend_schema(operation_id="models_info", responses=OpenApiTypes.OBJECT)
    def get(self, _request: Request) -> Response:
        latest: dict[str, ModelVersion] = {}
        for model in ModelVersion.objects.order_by("registered_at"):
            latest[model.name] = model
        return Response(
            {"models": {name: ModelSerializer(model).data for name, model in latest.items()}}
        )


class ReadyView(Resource):
    """Whether an analysis submitted now would be finished: database, Redis and a live worker."""

    serializer_class = HealthSerializer
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    @extend_schema(
        operation_id="health_ready", responses={200: HealthSerializer, 503: HealthSerializer}
    )
    def get(self, _request: Request) -> Response:
        state = readiness()
        return Response(state, status=200 if state["status"] == "ok" else 503)


class HealthView(Resource):
    """Whether the web process answers at all. Asks nothing of the database."""

    serializer_class = None
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    @extend_schema(operation_id="health", responses=OpenApiTypes.OBJECT)
    def get(self, _request: Request) -> Response:
        return Response({"status": "ok"})


def _submit(request: Request, ids: list[uuid.UUID], options: dict[str, Any]) -> list[Analysis]:
    actor = actor_for(request)
    return services.submit_analyses(
        actor=actor,
        exhibits=[get_exhibit(actor, exhibit_id) for exhibit_id in ids],
        profile=options["profile"],
        parameters=options["parameters"],
    )


def readiness() -> dict[str, Any]:
    """The fields of ``HealthSerializer`` now; never raises."""
    state: dict[str, Any] = {
        "status": "unavailable",
        "database": False,
        "redis": False,
        "workers": 0,
        "light_workers": 0,
        "queued": 0,
        "running": 0,
        "expected_wait_s": None,
    }
    try:
        connection.ensure_connection()
        health = queue_health()
    except DatabaseError:
        return state
    state |= {"database": True, "redis": health.redis, "workers": health.workers}
    state |= {"light_workers": health.light_workers, "queued": health.queued}
    state |= {"running": health.running, "expected_wait_s": health.expected_wait_s}
    if health.redis and health.workers:
        state["status"] = "ok"
    return state
