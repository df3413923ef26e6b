"""Every read of web hooks: one's own, by a key only what that key made."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.actors import Actor
from accounts.scopes import Scope
from webhooks.models import Delivery, Endpoint


def endpoints_of(actor: Actor) -> QuerySet[Any]:
    """The actor's endpoints, newest first. PermissionDenied for a key without ``case:read``."""
    if not actor.has_scope(Scope.CASE_READ):
        raise PermissionDenied(_("This API key may not read web hooks; it needs case:read."))
    rows = Endpoint.objects.filter(owner=actor.user).select_related("case", "api_key")
    return rows if actor.api_key is None else rows.filter(api_key=actor.api_key)


def endpoint_of(actor: Actor, endpoint_id: uuid.UUID) -> Endpoint:
    """One of the actor's endpoints. Raises Endpoint.DoesNotExist."""
    endpoint: Endpoint = endpoints_of(actor).get(pk=endpoint_id)
    return endpoint


def deliveries_of(actor: Actor, endpoint: Endpoint) -> QuerySet[Delivery]:
    """What was or will be sent to an endpoint of the actor, newest first, with its attempts."""
    rows = Delivery.objects.filter(endpoint__in=endpoints_of(actor), endpoint=endpoint)
    return rows.select_related("event").prefetch_related("log")


def delivery_of(actor: Actor, delivery_id: uuid.UUID) -> Delivery:
    """One delivery to an endpoint of the actor. Raises Delivery.DoesNotExist."""
    rows = Delivery.objects.filter(endpoint__in=endpoints_of(actor))
    return rows.select_related("endpoint", "event").get(pk=delivery_id)
