"""Web hooks over HTTP."""

from __future__ import annotations

import uuid
from typing import Any

from django.urls import path, reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import Actor, actor_for
from accounts.api.confirmation import require_confirmed
from accounts.api.fields import Text
from accounts.api.views import Resource
from cases.models import Case
from cases.selectors import get_case_by_id
from webhooks import selectors, services
from webhooks.events import EventType
from webhooks.models import URL_LENGTH, Attempt, Delivery, Endpoint


class EndpointSerializer(serializers.ModelSerializer[Endpoint]):
    """An endpoint; ``case`` null: every case that its owner may see."""

    case = serializers.UUIDField(source="case_id", required=False, allow_null=True)
    url = Text(max_length=URL_LENGTH)
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=EventType.choices), allow_empty=False
    )

    class Meta:
        model = Endpoint
        fields = (
            "id",
            "url",
            "case",
            "events",
            "created_at",
            "disabled_at",
            "disabled_reason",
            "failing_since",
            "last_delivered_at",
        )
        read_only_fields = (
            "id",
            "created_at",
            "disabled_at",
            "disabled_reason",
            "failing_since",
            "last_delivered_at",
        )


class EndpointChangeSerializer(serializers.Serializer[Any]):
    """What can be changed: the address, the events, whether it is switched on."""

    url = Text(max_length=URL_LENGTH, required=False)
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=EventType.choices), allow_empty=False, required=False
    )
    enabled = serializers.BooleanField(required=False)


class NewEndpointSerializer(EndpointSerializer):
    """The only answer that holds the secret; null when an ``Idempotency-Key`` is repeated."""

    secret = serializers.CharField(read_only=True, allow_null=True)

    class Meta(EndpointSerializer.Meta):
        fields = (*EndpointSerializer.Meta.fields, "secret")  # type: ignore[assignment]


class SecretSerializer(serializers.Serializer[Any]):
    """A new secret, shown this once; the old one signs along for a day."""

    secret = serializers.CharField(allow_null=True)


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    """One request: the status or the reason why there is none, and the answer's beginning."""

    class Meta:
        model = Attempt
        fields = ("started_at", "duration_ms", "status", "error", "answer")


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """One event for one endpoint, with every attempt to tell it."""

    event = serializers.UUIDField(source="event_id", read_only=True)
    type = serializers.CharField(source="event.type", read_only=True)
    log = AttemptSerializer(many=True, read_only=True)

    class Meta:
        model = Delivery
        fields = ("id", "event", "type", "state", "attempts", "due_at", "created_at", "log")
        read_only_fields = fields


class EndpointsView(Resource):
    """The caller's web hooks; a key sees those that it made."""

    queryset = Endpoint.objects.none()
    serializer_class = EndpointSerializer
    secret_fields = ("secret",)

    @extend_schema(operation_id="webhooks_list", responses=EndpointSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.page(selectors.endpoints_of(actor_for(request)))

    @extend_schema(operation_id="webhooks_create", responses={201: NewEndpointSerializer})
    def post(self, request: Request) -> Response:
        require_confirmed(request)
        data = self.get_serializer(data=request.data)
        data.is_valid(raise_exception=True)
        actor = actor_for(request)
        endpoint, secret = services.create_endpoint(
            actor=actor,
            url=data.validated_data["url"],
            events=data.validated_data["events"],
            case=_case(actor, data.validated_data.get("case_id")),
        )
        body = {**self.get_serializer(endpoint).data, "secret": secret}
        where = reverse("api:webhook", args=[endpoint.pk])
        return Response(body, status=201, headers={"Location": where, "Cache-Control": "no-store"})


class EndpointView(Resource):
    """One web hook."""

    queryset = Endpoint.objects.none()
    serializer_class = EndpointSerializer

    @extend_schema(operation_id="webhooks_read")
    def get(self, request: Request, webhook_id: uuid.UUID) -> Response:
        endpoint = selectors.endpoint_of(actor_for(request), webhook_id)
        return Response(self.get_serializer(endpoint).data)

    @extend_schema(
        operation_id="webhooks_change",
        request=EndpointChangeSerializer,
        responses=EndpointSerializer,
    )
    def patch(self, request: Request, webhook_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        endpoint = selectors.endpoint_of(actor, webhook_id)
        data = EndpointChangeSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        wanted = data.validated_data
        if "url" in wanted or "events" in wanted:
            services.change_endpoint(
                actor=actor,
                endpoint=endpoint,
                url=wanted.get("url", endpoint.url),
                events=wanted.get("events", endpoint.events),
            )
        if wanted.get("enabled") is True:
            services.enable_endpoint(actor=actor, endpoint=endpoint)
        if wanted.get("enabled") is False:
            services.disable_endpoint(
                actor=actor, endpoint=endpoint, reason="switched off by its owner"
            )
        fresh = selectors.endpoint_of(actor, webhook_id)
        return Response(self.get_serializer(fresh).data)

    @extend_schema(operation_id="webhooks_delete", responses={204: None})
    def delete(self, request: Request, webhook_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        services.delete_endpoint(actor=actor, endpoint=selectors.endpoint_of(actor, webhook_id))
        return Response(status=204)


class RotateSecretView(Resource):
    """Replace the secret."""

    queryset = Endpoint.objects.none()
    serializer_class = SecretSerializer
    secret_fields = ("secret",)

    @extend_schema(operation_id="webhooks_rotate", request=None)
    def post(self, request: Request, webhook_id: uuid.UUID) -> Response:
        require_confirmed(request)
        actor = actor_for(request)
        endpoint = selectors.endpoint_of(actor, webhook_id)
        secret = services.rotate_secret(actor=actor, endpoint=endpoint)
        return Response({"secret": secret}, headers={"Cache-Control": "no-store"})


class PingView(Resource):
    """Send a test event to this web hook alone."""

    queryset = Endpoint.objects.none()
    serializer_class = DeliverySerializer

    @extend_schema(operation_id="webhooks_ping", request=None, responses={202: DeliverySerializer})
    def post(self, request: Request, webhook_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        endpoint = selectors.endpoint_of(actor, webhook_id)
        delivery = services.ping(actor=actor, endpoint=endpoint)
        return Response(self.get_serializer(delivery).data, status=202)


class DeliveriesView(Resource):
    """What was or will be sent to one web hook, newest first."""

    queryset = Delivery.objects.none()
    serializer_class = DeliverySerializer

    @extend_schema(operation_id="webhooks_deliveries", responses=DeliverySerializer(many=True))
    def get(self, request: Request, webhook_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        endpoint = selectors.endpoint_of(actor, webhook_id)
        return self.page(selectors.deliveries_of(actor, endpoint))


class RedeliverView(Resource):
    """Send one event once more."""

    queryset = Delivery.objects.none()
    serializer_class = DeliverySerializer

    @extend_schema(
        operation_id="webhooks_redeliver", request=None, responses={202: DeliverySerializer}
    )
    def post(self, request: Request, delivery_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        delivery = selectors.delivery_of(actor, delivery_id)
        again = services.redeliver(actor=actor, delivery=delivery)
        return Response(self.get_serializer(again).data, status=202)


def _case(actor: Actor, case_id: uuid.UUID | None) -> Case | None:
    """The named case; for a key of one case that case."""
    if case_id is None and actor.api_key is not None:
        case_id = actor.api_key.case_id
    return get_case_by_id(actor, case_id) if case_id else None


urlpatterns = [
    path("webhooks", EndpointsView.as_view(), name="webhooks"),
    path("webhooks/<uuid:webhook_id>", EndpointView.as_view(), name="webhook"),
    path("webhooks/<uuid:webhook_id>/rotate", RotateSecretView.as_view(), name="webhook_rotate"),
    path("webhooks/<uuid:webhook_id>/ping", PingView.as_view(), name="webhook_ping"),
    path(
        "webhooks/<uuid:webhook_id>/deliveries",
        DeliveriesView.as_view(),
        name="webhook_deliveries",
    ),
    path("deliveries/<uuid:delivery_id>/redeliver", RedeliverView.as_view(), name="redeliver"),
]
