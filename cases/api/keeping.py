"""Legal holds and transfers of custody over HTTP; releasing and destroying stay with the pages."""

from __future__ import annotations

import uuid
from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import actor_for
from accounts.api.fields import Reference, Text, TextModelSerializer
from accounts.api.pages import Pages
from accounts.api.views import Resource
from accounts.models import User
from cases import selectors, services
from cases.models import Exhibit, LegalHold, Transfer
from cases.permissions import CaseAction


class HoldSerializer(TextModelSerializer):
    """A matter that forbids destruction, in the whole case or of one exhibit."""

    case = serializers.UUIDField(source="case_id", read_only=True)
    exhibit = Reference(queryset=Exhibit.objects.none(), required=False, allow_null=True)
    placed_by = serializers.CharField(source="placed_by_label", read_only=True)

    class Meta:
        model = LegalHold
        fields = (
            "id",
            "case",
            "exhibit",
            "matter",
            "reason",
            "placed_at",
            "placed_by",
            "released_at",
        )
        read_only_fields = ("id", "placed_at", "released_at")


class TransferSerializer(TextModelSerializer):
    """An offer of custody, and its answer."""

    exhibit = serializers.UUIDField(source="exhibit_id", read_only=True)
    giver = serializers.CharField(source="giver_label", read_only=True)
    receiver = serializers.SlugRelatedField(slug_field="username", queryset=User.objects.none())

    class Meta:
        model = Transfer
        fields = (
            "id",
            "exhibit",
            "giver",
            "receiver",
            "purpose",
            "status",
            "offered_at",
            "answered_at",
        )
        read_only_fields = ("id", "status", "offered_at", "answered_at")


class AnswerSerializer(serializers.Serializer[Any]):
    """The receiver's answer; a reason is kept when custody is declined."""

    accept = serializers.BooleanField()
    reason = Text(required=False, allow_blank=True, default="")


class HoldPages(Pages):
    """Holds in the order in which they were placed."""

    ordering = ("placed_at", "pk")


class TransferPages(Pages):
    """Transfers, newest first."""

    ordering = ("-offered_at", "-pk")


class HoldsView(Resource):
    """The legal holds of a case, released ones included; a POST places one."""

    queryset = LegalHold.objects.none()
    serializer_class = HoldSerializer
    pagination_class = HoldPages

    @extend_schema(operation_id="holds_list", responses=HoldSerializer(many=True))
    def get(self, request: Request, case_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        return self.page(selectors.holds_of(actor, selectors.get_case_by_id(actor, case_id)))

    @extend_schema(operation_id="holds_place", responses={201: HoldSerializer})
    def post(self, request: Request, case_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        case = selectors.get_case_by_id(actor, case_id)
        data = HoldSerializer(data=request.data)
        fields: Any = data.fields
        fields["exhibit"].queryset = selectors.exhibits_of(actor, case)
        data.is_valid(raise_exception=True)
        hold = services.place_hold(actor=actor, case=case, **data.validated_data)
        return Response(HoldSerializer(hold).data, status=201)


class TransfersView(Resource):
    """Offers of custody of an exhibit; a POST offers it to another member of the case."""

    queryset = Transfer.objects.none()
    serializer_class = TransferSerializer
    pagination_class = TransferPages

    @extend_schema(operation_id="transfers_list", responses=TransferSerializer(many=True))
    def get(self, request: Request, exhibit_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        exhibit = selectors.get_exhibit(actor, exhibit_id)
        return self.page(selectors.transfers_of(actor, exhibit).select_related("receiver"))

    @extend_schema(operation_id="transfers_offer", responses={201: TransferSerializer})
    def post(self, request: Request, exhibit_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        exhibit = selectors.get_exhibit(actor, exhibit_id)
        data = TransferSerializer(data=request.data)
        fields: Any = data.fields
        fields["receiver"].queryset = User.objects.filter(case_memberships__case=exhibit.case)
        data.is_valid(raise_exception=True)
        offered = services.offer_transfer(actor=actor, exhibit=exhibit, **data.validated_data)
        return Response(TransferSerializer(offered).data, status=201)


class TransferAnswerView(Resource):
    """Accept or decline custody that was offered to the caller: an act of a person, no key's."""

    serializer_class = AnswerSerializer

    @extend_schema(operation_id="transfers_answer", responses=TransferSerializer)
    def post(self, request: Request, transfer_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        transfer = Transfer.objects.restrict(actor, CaseAction.VIEW).get(pk=transfer_id)
        data = self.get_serializer(data=request.data)
        data.is_valid(raise_exception=True)
        if data.validated_data["accept"]:
            answered = services.accept_transfer(actor=actor, transfer=transfer)
        else:
            answered = services.decline_transfer(
                actor=actor, transfer=transfer, reason=data.validated_data["reason"]
            )
        return Response(TransferSerializer(answered).data)


urlpatterns = [
    path("cases/<uuid:case_id>/holds", HoldsView.as_view(), name="holds"),
    path("evidence/<uuid:exhibit_id>/transfers", TransfersView.as_view(), name="transfers"),
    path("transfers/<uuid:transfer_id>/answer", TransferAnswerView.as_view(), name="transfer"),
]
