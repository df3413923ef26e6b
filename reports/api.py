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

from accounts.actors import actor_for
from accounts.api.problems import Problem
from accounts.api.views import Resource, http_request
from accounts.models import ApiKey
from accounts.reauthentication import recently_signed_in
from cases.selectors import exhibits_of, get_case_by_id
from detection.selectors import analysis_for
from reports import selectors, services
from reports.models import Export, ExportKind
from reports.redaction import Redaction
from reports.views import file_of


class ExportSerializer(serializers.ModelSerializer[Export]):
    """One file that was made for people outside."""

    class Meta:
        model = Export
        fields = (
            "id",
            "kind",
            "case",
            "analysis",
            "filename",
            "mime_type",
            "sha256",
            "size",
            "selection",
            "purpose",
            "created_by_label",
            "created_at",
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
    purpose = serializers.CharField(max_length=300, default="disclosure")


class ReportsView(Resource):
    """Make a report on an analysis."""

    serializer_class = ReportRequestSerializer

    @extend_schema(operation_id="reports_create", responses={201: ExportSerializer})
    def post(self, request: Request, analysis_id: uuid.UUID) -> Response:
        _require_confirmed(request)
        wanted = self.get_serializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        actor = actor_for(request)
        kind = ExportKind(f"report_{wanted.validated_data['format']}")
        analysis = analysis_for(actor, analysis_id)
        return _created(services.create_report(actor=actor, analysis=analysis, kind=kind))


class CaseExportsView(Resource):
    """What was exported from a case; a POST makes an evidence bundle."""

    queryset = Export.objects.none()
    serializer_class = ExportSerializer
    pagination_class = None

    @extend_schema(operation_id="exports_list", responses=ExportSerializer(many=True))
    def get(self, request: Request, case_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        exports = selectors.exports_for(actor, get_case_by_id(actor, case_id))
        return Response(ExportSerializer(exports, many=True).data)

    @extend_schema(
        operation_id="bundles_create",
        request=BundleRequestSerializer,
        responses={201: ExportSerializer},
    )
    def post(self, request: Request, case_id: uuid.UUID) -> Response:
        _require_confirmed(request)
        wanted = BundleRequestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        actor = actor_for(request)
        case = get_case_by_id(actor, case_id)
        chosen = wanted.validated_data.get("exhibits")
        exhibits = None if chosen is None else list(exhibits_of(actor, case).filter(pk__in=chosen))
        return _created(
            services.create_bundle(
                actor=actor,
                case=case,
                exhibits=exhibits,
                redactions=wanted.validated_data["redactions"],
                purpose=wanted.validated_data["purpose"],
            )
        )


class ExportView(Resource):
    """One export."""

    queryset = Export.objects.none()
    serializer_class = ExportSerializer

    @extend_schema(operation_id="exports_get")
    def get(self, request: Request, export_id: uuid.UUID) -> Response:
        return Response(ExportSerializer(selectors.export_for(actor_for(request), export_id)).data)


class ExportContentView(Resource):
    """The file of an export; the download stands in the ledger."""

    serializer_class = None

    @extend_schema(operation_id="exports_download", responses={(200, "*/*"): OpenApiTypes.BINARY})
    def get(self, request: Request, export_id: uuid.UUID) -> HttpResponseBase:
        actor = actor_for(request)
        export = selectors.export_for(actor, export_id)
        services.record_download(actor=actor, export=export)
        answer = file_of(export)
        answer["ETag"] = f'"{export.sha256}"'
        return answer


def _require_confirmed(request: Request) -> None:
    """A browser's session must be fresh, as on the page; a key carries its own permission."""
    if isinstance(request.auth, ApiKey) or recently_signed_in(http_request(request)):
        return
    raise Problem(
        403,
        "confirm_sign_in",
        "Confirm your sign-in at /account/reauthenticate/ first: exports need a recent one.",
    )


def _created(export: Export) -> Response:
    where = reverse("api:export", args=[export.pk])
    return Response(ExportSerializer(export).data, status=201, headers={"Location": where})


urlpatterns = [
    path("analyses/<uuid:analysis_id>/reports", ReportsView.as_view(), name="reports"),
    path("cases/<uuid:case_id>/exports", CaseExportsView.as_view(), name="case_exports"),
    path("exports/<uuid:export_id>", ExportView.as_view(), name="export"),
    path("exports/<uuid:export_id>/content", ExportContentView.as_view(), name="export_content"),
]
