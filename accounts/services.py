"""Writing API keys and people: every change sends its event inside its transaction."""

from __future__ import annotations

import ipaddress
import secrets
import string
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import peppers
from accounts.actors import Actor
from accounts.errors import KeyRequestRefused
from accounts.models import ApiKey, SiteRole, User
from accounts.scopes import Scope
from accounts.signals import account_event

KEY_ALPHABET = string.ascii_letters + string.digits
LONGEST_LIFE = timedelta(days=366)
ROTATION_OVERLAP = timedelta(hours=24)


@transaction.atomic
def create_api_key(
    *,
    actor: Actor,
    owner: User,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime,
    allowed_networks: Iterable[str] = (),
    case_id: uuid.UUID | None = None,
    quota_bytes: int | None = None,
    quota_analyses: int | None = None,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its plaintext, which is nowhere stored.

    ``quota_bytes`` and ``quota_analyses`` limit one day (UTC); None: only the owner's limit counts.
    Raises PermissionDenied unless the owner or an administrator asks, KeyRequestRefused for an
    unknown scope, a malformed network or an expiry that is past or over 366 days away.
    """
    _require_control(actor, owner)
    api_key, plaintext = _make_key(
        owner=owner,
        name=name.strip(),
        scopes=_checked_scopes(scopes),
        allowed_networks=_checked_networks(allowed_networks),
        expires_at=_checked_expiry(expires_at),
        case_id=case_id,
        quota_bytes=quota_bytes,
        quota_analyses=quota_analyses,
    )
    _announce(actor, "key.created", api_key, _key_facts(api_key))
    return api_key, plaintext


@transaction.atomic
def rotate_api_key(
    *,
    actor: Actor,
    api_key: ApiKey,
    expires_at: datetime | None = None,
    overlap: timedelta = ROTATION_OVERLAP,
) -> tuple[ApiKey, str]:
    """Make a successor with the same rights; the old key works on for ``overlap`` at most.

    Without ``expires_at`` the successor lives as long as the old key was given.
    """
    _require_control(actor, api_key.owner)
    old = ApiKey.objects.select_for_update().get(pk=api_key.pk)
    if not old.is_active:
        raise KeyRequestRefused(
            "inactive", _("This key no longer works; create a new one instead.")
        )
    new, plaintext = _make_key(
        owner=old.owner,
        name=old.name,
        scopes=old.scopes,
        allowed_networks=old.allowed_networks,
        expires_at=_checked_expiry(
            expires_at or timezone.now() + (old.expires_at - old.created_at)
        ),
        case_id=old.case_id,
        quota_bytes=old.quota_bytes,
        quota_analyses=old.quota_analyses,
    )
    old.expires_at = min(old.expires_at, timezone.now() + overlap)
    old.save(update_fields=["expires_at"])
    _announce(actor, "key.rotated", old, {"successor": str(new.id)})
    _announce(actor, "key.created", new, _key_facts(new))
    return new, plaintext


@transaction.atomic
def revoke_api_key(*, actor: Actor, api_key: ApiKey) -> ApiKey:
    """Make the key useless at once; a second revocation changes nothing."""
    _require_control(actor, api_key.owner)
    revoked = ApiKey.objects.filter(pk=api_key.pk, revoked_at=None).update(
        revoked_at=timezone.now()
    )
    api_key.refresh_from_db()
    if revoked:
        _announce(actor, "key.revoked", api_key, {})
    return api_key


@transaction.atomic
def ensure_administrator(*, actor: Actor, username: str, password: str) -> bool:
    """Make the first administrator; False when the site has one already."""
    if User.objects.filter(site_role=SiteRole.ADMINISTRATOR, is_active=True).exists():
        return False
    user = User.objects.create_superuser(
        username, password=password, site_role=SiteRole.ADMINISTRATOR
    )
    _announce(actor, "user.created", user, {"site_role": user.site_role})
    return True


def set_timezone(*, actor: Actor, user: User, timezone: str) -> None:
    """Show ``user`` times in the IANA zone ``timezone``; ValidationError for an unknown one."""
    if actor.user is None or actor.user.pk != user.pk:
        raise PermissionDenied(_("You may change your own settings only."))
    user.timezone = timezone
    user.full_clean(exclude=["password"])
    user.save(update_fields=["timezone"])


def _make_key(**fields: Any) -> tuple[ApiKey, str]:
    key_id = "".join(secrets.choice(KEY_ALPHABET) for _ in range(12))
    secret = "".join(secrets.choice(KEY_ALPHABET) for _ in range(43))
    plaintext = f"dfd_{key_id}.{secret}"
    version = peppers.current_version()
    api_key = ApiKey(
        key_id=key_id,
        pepper_version=version,
        digest=peppers.digest(plaintext, version),
        **fields,
    )
    api_key.full_clean()
    api_key.save()
    return api_key, plaintext


def _require_control(actor: Actor, owner: User) -> None:
    """Only people make, rotate and revoke keys: their own, or any as administrator."""
    if actor.kind == "system":
        return
    if actor.kind != "user" or actor.user is None:
        raise PermissionDenied(_("API keys are managed by signed-in people."))
    if actor.user.pk != owner.pk and not actor.user.is_administrator:
        raise PermissionDenied(_("You may manage your own API keys only."))


def _checked_scopes(scopes: Iterable[str]) -> list[str]:
    try:
        chosen = sorted({Scope(scope).value for scope in scopes})
    except ValueError as error:
        known = ", ".join(scope.value for scope in Scope)
        raise KeyRequestRefused(
            "scope", _("%(error)s. Known scopes: %(known)s.") % {"error": error, "known": known}
        ) from error
    if not chosen:
        raise KeyRequestRefused("scope", _("Choose at least one scope."))
    return chosen


def _checked_networks(networks: Iterable[str]) -> list[str]:
    try:
        return [str(ipaddress.ip_network(network.strip())) for network in networks]
    except ValueError as error:
        raise KeyRequestRefused(
            "network",
            _("%(error)s. Write networks as 192.0.2.0/24 or 2001:db8::/32.") % {"error": error},
        ) from error


def _checked_expiry(expires_at: datetime) -> datetime:
    now = timezone.now()
    if expires_at <= now:
        raise KeyRequestRefused("expiry", _("The expiry lies in the past."))
    if expires_at > now + LONGEST_LIFE:
        raise KeyRequestRefused(
            "expiry", _("A key lives %(days)s days at most.") % {"days": LONGEST_LIFE.days}
        )
    return expires_at


def _key_facts(api_key: ApiKey) -> dict[str, Any]:
    return {
        "key_id": api_key.key_id,
        "owner": str(api_key.owner_id),
        "scopes": api_key.scopes,
        "networks": api_key.allowed_networks,
        "case": str(api_key.case_id) if api_key.case_id else None,
        "quota_bytes": api_key.quota_bytes,
        "quota_analyses": api_key.quota_analyses,
        "expires_at": api_key.expires_at.isoformat(),
    }


def _announce(actor: Actor, action: str, subject: models.Model, payload: dict[str, Any]) -> None:
    account_event.send(
        sender=type(subject), actor=actor, action=action, subject=subject, payload=payload
    )
