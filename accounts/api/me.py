"""``/api/v1/me``: who am I, and what may my key do?"""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import actor_for
from accounts.api.views import Resource
from accounts.quotas import Measure, allowances
from accounts.scopes import Scope


class QuotaSerializer(serializers.Serializer[Any]):
    """What a key (``of: key``) or its owner with all keys (``of: user``) used of a day's limit."""

    measure = serializers.ChoiceField(choices=list(Measure))
    of = serializers.ChoiceField(choices=["key", "user"])
    limit = serializers.IntegerField()
    used = serializers.IntegerField()
    resets_at = serializers.DateTimeField()


class RateSerializer(serializers.Serializer[Any]):
    """Requests left in the running window, as in the ``RateLimit`` headers."""

    limit = serializers.IntegerField()
    remaining = serializers.IntegerField()
    reset_s = serializers.IntegerField()


class MeSerializer(serializers.Serializer[Any]):
    """The caller; scopes, case and expiry are those of the API key, if one was used."""

    kind = serializers.ChoiceField(choices=["user", "api_key"])
    username = serializers.CharField()
    site_role = serializers.CharField(allow_blank=True)
    key = serializers.CharField(allow_null=True)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=list(Scope)))
    case = serializers.UUIDField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    rate = RateSerializer(allow_null=True)
    quotas = QuotaSerializer(many=True)


class MeView(Resource):
    """The caller behind this request."""

    serializer_class = MeSerializer

    @extend_schema(operation_id="me")
    def get(self, request: Request) -> Response:
        actor = actor_for(request)
        key = actor.api_key
        data = {
            "kind": actor.kind,
            "username": actor.user.get_username() if actor.user else "",
            "site_role": actor.user.site_role if actor.user else "",
            "key": key.key_id if key else None,
            "scopes": key.scopes if key else [scope.value for scope in Scope],
            "case": key.case_id if key else None,
            "expires_at": key.expires_at if key else None,
            "rate": getattr(request, "rate", None),
            "quotas": [one for measure in Measure for one in allowances(actor, measure)],
        }
        return Response(self.get_serializer(data).data)


urlpatterns = [path("me", MeView.as_view(), name="me")]
