"""Who holds this API key? The check itself and its Django REST framework class."""

from __future__ import annotations

import hmac
import ipaddress
import re
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import peppers
from accounts.actors import anonymous_actor
from accounts.addresses import client_ip
from accounts.errors import InvalidKey
from accounts.models import ApiKey, User
from accounts.signals import account_event

KEY_PATTERN = re.compile(r"dfd_([A-Za-z0-9]{12})\.([A-Za-z0-9]{43})")
USE_RECORDED_EVERY = timedelta(minutes=1)
# One message for an unknown key and a wrong secret: an answer must not tell which ids exist.
UNKNOWN = "The API key is not valid."


def authenticate_key(plaintext: str, ip: str) -> ApiKey:
    """The active key behind ``plaintext`` when used from address ``ip``; InvalidKey otherwise.

    Reasons such as expiry are told only to a caller who has the right secret.
    """
    api_key = _find(plaintext)
    if api_key.revoked_at is not None:
        raise InvalidKey("revoked", "This API key was revoked.")
    if api_key.expires_at <= timezone.now():
        raise InvalidKey("expired", "This API key has expired; create a new one.")
    if not api_key.owner.is_active:
        raise InvalidKey("owner_inactive", "The owner of this API key may no longer sign in.")
    if not _allowed_from(api_key, ip):
        raise InvalidKey("network", "This API key may not be used from your address.")
    _note_use(api_key)
    return api_key


def _find(plaintext: str) -> ApiKey:
    match = KEY_PATTERN.fullmatch(plaintext)
    if match is None:
        raise InvalidKey("unknown", UNKNOWN)
    api_key = ApiKey.objects.select_related("owner").filter(key_id=match[1]).first()
    known = peppers.peppers()
    version = api_key.pepper_version if api_key else max(known)
    if version not in known:
        raise InvalidKey("unknown", UNKNOWN)
    # The digest is computed for unknown ids too, so that the time taken tells nothing.
    given = peppers.digest(plaintext, version)
    if not hmac.compare_digest(given, api_key.digest if api_key else "") or api_key is None:
        raise InvalidKey("unknown", UNKNOWN)
    return api_key


def _allowed_from(api_key: ApiKey, ip: str) -> bool:
    if not api_key.allowed_networks:
        return True
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return False
    return any(address in ipaddress.ip_network(network) for network in api_key.allowed_networks)


def _note_use(api_key: ApiKey) -> None:
    now = timezone.now()
    # Decided from the row in hand first: most uses cost no write.
    if api_key.last_used_at and api_key.last_used_at > now - USE_RECORDED_EVERY:
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_RECORDED_EVERY)
    ApiKey.objects.filter(stale, pk=api_key.pk).update(last_used_at=now)
    api_key.last_used_at = now


class ApiKeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer dfd_…``: request.user is the owner, request.auth the key."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        plaintext = words[1].decode("latin-1") if len(words) == 2 else ""
        try:
            api_key = authenticate_key(plaintext, client_ip(request._request))
        except InvalidKey as error:
            _record_refusal(request, plaintext, error)
            raise AuthenticationFailed(error.message, code=error.code) from error
        return api_key.owner, api_key

    def authenticate_header(self, request: Request) -> str:
        """Makes an unauthenticated answer 401 with this challenge instead of 403."""
        return "Bearer"


def _record_refusal(request: Request, plaintext: str, error: InvalidKey) -> None:
    match = KEY_PATTERN.fullmatch(plaintext)
    with transaction.atomic():
        account_event.send(
            sender=ApiKey,
            actor=anonymous_actor(request._request),
            action="key.refused",
            subject=f"accounts.apikey:{match[1] if match else 'malformed'}",
            payload={"reason": error.code},
        )
