"""Reports and bundles over HTTP."""

from __future__ import annotations

import uuid
from typing import Any

from django.http.response import HttpResponseBase
from django.urls import path, reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import Actor, actor_for
from accounts.api.confirmation import require_confirmed
from accounts.api.fields import Text
from accounts.api.problems import Problem
from accounts.api.views import Resource
from cases.models import Case, Exhibit
from cases.selectors import exhibits_of, get_case_by_id
from detection.selectors import analysis_for
from reports import selectors, services
from reports.models import ExportKind, ExportRequest
from reports.redaction import Redaction
from reports.views import file_of

# Seconds after which a client may ask again.
POLL_S = "2"


class ExportSerializer(serializers.ModelSerializer[ExportRequest]):
    """A file for people outside: first an order, later with name, size and hash of the file.

    ``status`` goes from queued over running to ready or failed; ``error_message`` says why.
    """

    created_by_label = serializers.CharField(source="requested_by_label", read_only=True)
    filename = serializers.CharField(source="export.filename", read_only=True, allow_null=True)
    mime_type = serializers.CharField(source="export.mime_type", read_only=True, allow_null=True)
    sha256 = serializers.CharField(source="export.sha256", read_only=True, allow_null=True)
    size = serializers.IntegerField(source="export.size", read_only=True, allow_null=True)
    selection = serializers.CharField(source="export.selection", read_only=True, allow_null=True)

    class Meta:
        model = ExportRequest
        fields = (
            "id",
            "kind",
            "status",
            "percent",
            "case",
            "analysis",
            "redactions",
            "purpose",
            "created_by_label",
            "created_at",
            "finished_at",
            "error_code",
            "error_message",
            "filename",
            "mime_type",
            "sha256",
            "size",
            "selection",
        )
        read_only_fields = fields


class ReportRequestSerializer(serializers.Serializer[Any]):
    """A report on the finding of one analysis."""

    format = serializers.ChoiceField(choices=["pdf", "html"], default="pdf")


class BundleRequestSerializer(serializers.Serializer[Any]):
    """A bundle of a case; without ``exhibits`` all of them."""

    exhibits = serializers.ListField(child=serializers.UUIDField(), required=False)
    redactions = serializers.ListField(
        child=serializers.ChoiceField(choices=[r.value for r in Redaction]), default=list
    )
    purpose = Text(max_length=300, default="disclosure")


class ReportsView(Resource):
    """Order a report on an analysis."""

    serializer_class = ReportRequestSerializer

    @extend_schema(operation_id="reports_create", responses={202: ExportSerializer})
    def post(self, request: Request, analysis_id: uuid.UUID) -> Response:
        require_confirmed(request)
        wanted = self.get_serializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        actor = actor_for(request)
        kind = ExportKind(f"report_{wanted.validated_data['format']}")
        analysis = analysis_for(actor, analysis_id)
        return _ordered(services.request_report(actor=actor, analysis=analysis, kind=kind))


class CaseExportsView(Resource):
    """What was or is being exported from a case; a POST orders an evidence bundle."""

    queryset = ExportRequest.objects.none()
    serializer_class = ExportSerializer
    pagination_class = None

    @extend_schema(operation_id="exports_list", responses=ExportSerializer(many=True))
    def get(self, request: Request, case_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        exports = selectors.requests_for(actor, get_case_by_id(actor, case_id))
        return Response(ExportSerializer(exports, many=True).data)

    @extend_schema(
        operation_id="bundles_create",
        request=BundleRequestSerializer,
        responses={202: ExportSerializer},
    )
    def post(self, request: Request, case_id: uuid.UUID) -> Response:
        require_confirmed(request)
        wanted = BundleRequestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        actor = actor_for(request)
        case = get_case_by_id(actor, case_id)
        chosen = wanted.validated_data.get("exhibits")
        exhibits = None if chosen is None else _chosen(actor, case, chosen)
        return _ordered(
            services.request_bundle(
                actor=actor,
                case=case,
                exhibits=exhibits,
                redactions=wanted.validated_data["redactions"],
                purpose=wanted.validated_data["purpose"],
            )
        )


class ExportView(Resource):
    """One export, or how far it is; ask again after ``Retry-After`` seconds until it is ready."""

    queryset = ExportRequest.objects.none()
    serializer_class = ExportSerializer

    @extend_schema(operation_id="exports_get")
    def get(self, request: Request, export_id: uuid.UUID) -> Response:
        order = selectors.request_for(actor_for(request), export_id)
        headers = {} if order.is_finished else {"Retry-After": POLL_S}
        return Response(ExportSerializer(order).data, headers=headers)


class ExportContentView(Resource):
    """The file of an export that is ready; the download stands in the ledger."""

    serializer_class = None

    @extend_schema(operation_id="exports_download", responses={(200, "*/*"): OpenApiTypes.BINARY})
    def get(self, request: Request, export_id: uuid.UUID) -> HttpResponseBase:
        actor = actor_for(request)
        order = selectors.request_for(actor, export_id)
        if order.export is None:
            raise _not_ready(order)
        answer = file_of(order.export)
        services.record_download(actor=actor, export=order.export)
        answer["ETag"] = f'"{order.export.sha256}"'
        return answer


def _chosen(actor: Actor, case: Case, wanted: list[uuid.UUID]) -> list[Exhibit]:
    """The exhibits named. Problem 422 unless all are there: none is left out without a word."""
    found = list(exhibits_of(actor, case).filter(pk__in=wanted))
    missing = sorted(map(str, set(wanted) - {exhibit.pk for exhibit in found}))
    if missing:
        raise Problem(
            422, "exhibits", f"These exhibits are not in this case: {', '.join(missing)}."
        )
    return found


def _not_ready(order: ExportRequest) -> Problem:
    if order.is_finished:
        return Problem(409, order.error_code, order.error_message)
    return Problem(409, "not_ready", "This export is still being made.", Retry_After=POLL_S)


def _ordered(order: ExportRequest) -> Response:
    headers = {"Location": reverse("api:export", args=[order.pk]), "Retry-After": POLL_S}
    return Response(ExportSerializer(order).data, status=202, headers=headers)


urlpatterns = [
    path("analyses/<uuid:analysis_id>/reports", ReportsView.as_view(), name="reports"),
    path("cases/<uuid:case_id>/exports", CaseExportsView.as_view(), name="case_exports"),
    path("exports/<uuid:export_id>", ExportView.as_view(), name="export"),
    path("exports/<uuid:export_id>/content", ExportContentView.as_view(), name="export_content"),
]
