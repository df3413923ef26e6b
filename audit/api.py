"""The ledger over HTTP: entries of a case or of the site, and proofs for outsiders."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import actor_for
from accounts.api.pages import Pages
from accounts.api.views import Resource
from audit.models import AuditEvent
from audit.selectors import events_for


class LedgerEntrySerializer(serializers.ModelSerializer[AuditEvent]):
    """One entry with the hashes that bind it to its predecessor."""

    payload = serializers.SerializerMethodField()

    class Meta:
        model = AuditEvent
        fields = (
            "chain",
            "seq",
            "occurred_at",
            "actor_kind",
            "actor_id",
            "actor_label",
            "action",
            "subject",
            "case_id",
            "request_id",
            "ip",
            "payload",
            "prev_hash",
            "hash",
        )
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_payload(self, entry: AuditEvent) -> dict[str, Any]:
        return entry.payload


class LedgerFilter(filters.FilterSet):
    """``?action=…&subject=…&occurred_after=…&occurred_before=…``"""

    occurred_after = filters.IsoDateTimeFilter(field_name="occurred_at", lookup_expr="gte")
    occurred_before = filters.IsoDateTimeFilter(field_name="occurred_at", lookup_expr="lt")

    class Meta:
        model = AuditEvent
        fields = ("action", "subject", "actor_id")


class OldestFirst(Pages):
    """Entries in the order in which they were chained."""

    ordering = ("pk",)


class LedgerView(Resource):
    """The ledger of the whole site, for auditors and administrators."""

    queryset = AuditEvent.objects.none()
    serializer_class = LedgerEntrySerializer
    filterset_class = LedgerFilter
    pagination_class = OldestFirst

    @extend_schema(operation_id="ledger_list", responses=LedgerEntrySerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.page(events_for(actor_for(request)))


urlpatterns = [path("ledger", LedgerView.as_view(), name="ledger")]
