"""Who acts: a person, an API key, a worker, the system itself, or somebody unknown.

Every service takes an ``Actor`` and hands it to the ledger, which keeps kind, id and label as
text, so that an entry still names its author after the account is gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import structlog
from django.http import HttpRequest

from accounts.addresses import client_ip
from accounts.models import ApiKey, User
from accounts.scopes import Scope

ActorKind = Literal["user", "api_key", "worker", "system", "anonymous"]


@dataclass(frozen=True)
class Actor:
    """Who does something, on whose behalf and from where."""

    kind: ActorKind
    id: str
    label: str
    user: User | None = None
    api_key: ApiKey | None = None
    ip: str = ""
    request_id: str = ""

    def has_scope(self, scope: Scope) -> bool:
        """True unless the actor is an API key that lacks ``scope``."""
        return self.api_key is None or scope in self.api_key.scopes


def user_actor(user: User, request: HttpRequest | None = None) -> Actor:
    """The person ``user``, with address and request id when a request is given."""
    return Actor(
        kind="user",
        id=str(user.pk),
        label=user.get_username(),
        user=user,
        ip=client_ip(request),
        request_id=_request_id(request),
    )


def api_key_actor(api_key: ApiKey, request: HttpRequest | None = None) -> Actor:
    """The API key ``api_key`` acting with the rights of its owner."""
    return Actor(
        kind="api_key",
        id=str(api_key.id),
        label=f"{api_key.name} ({api_key.key_id})",
        user=api_key.owner,
        api_key=api_key,
        ip=client_ip(request),
        request_id=_request_id(request),
    )


def actor_for(request: HttpRequest) -> Actor:
    """The API key or the person behind ``request``; ``anonymous`` when nobody is signed in."""
    # A DRF request carries the credential in ``auth``; a Django request has no such attribute.
    credential = getattr(request, "auth", None)
    if isinstance(credential, ApiKey):
        return api_key_actor(credential, request)
    user = getattr(request, "user", None)
    if isinstance(user, User):
        return user_actor(user, request)
    return anonymous_actor(request)


def remembered_actor(kind: str, actor_id: str, request_id: str = "") -> Actor | None:
    """Who asked for work that is done later, as they are now; None when they may no longer sign in.

    ``kind`` and ``actor_id`` are those of the Actor that asked.
    """
    actor: Actor | None = None
    if kind == "user":
        user = User.objects.filter(pk=actor_id, is_active=True).first()
        actor = user_actor(user) if user else None
    elif kind == "api_key":
        api_key = ApiKey.objects.select_related("owner").filter(pk=actor_id).first()
        usable = api_key is not None and api_key.is_active and api_key.owner.is_active
        actor = api_key_actor(api_key) if api_key and usable else None
    elif kind == "system":
        actor = system_actor(actor_id)
    return replace(actor, request_id=request_id) if actor else None


def anonymous_actor(request: HttpRequest | None = None) -> Actor:
    """Somebody who is not signed in, for failed sign-ins and refused requests."""
    return Actor(
        kind="anonymous",
        id="anonymous",
        label="anonymous",
        ip=client_ip(request),
        request_id=_request_id(request),
    )


def worker_actor(name: str) -> Actor:
    """The worker process called ``name``."""
    return Actor(kind="worker", id=name, label=name)


def system_actor(name: str = "system") -> Actor:
    """The platform itself: schedules, commands, migrations."""
    return Actor(kind="system", id=name, label=name)


def _request_id(request: HttpRequest | None) -> str:
    """The id that django-structlog gave the request and writes into every log line."""
    if request is None:
        return ""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))
