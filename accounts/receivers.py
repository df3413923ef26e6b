"""Sign-ins, sign-outs, passwords and second factors become account events."""

from __future__ import annotations

import hashlib
from typing import Any

from allauth.account.signals import (
    authentication_step_completed,
    password_changed,
    password_reset,
    password_set,
)
from allauth.mfa.signals import (
    authentication_failed,
    authenticator_added,
    authenticator_removed,
    authenticator_reset,
)
from axes.signals import user_locked_out
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.actors import Actor, anonymous_actor, user_actor
from accounts.models import User
from accounts.signals import account_event


def _announce(actor: Actor, action: str, subject: User | str, **payload: Any) -> None:
    with transaction.atomic():
        account_event.send(
            sender=User, actor=actor, action=action, subject=subject, payload=payload
        )


@receiver(user_logged_in)
def signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    _announce(user_actor(user, request), "sign_in.succeeded", user)


@receiver(user_logged_out)
def signed_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None:
        _announce(user_actor(user, request), "sign_in.ended", user)


@receiver(user_login_failed)
def sign_in_failed(
    credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any
) -> None:
    name = str(credentials.get("username") or credentials.get("email") or "")
    _announce(anonymous_actor(request), "sign_in.failed", _person_called(name), **_digest(name))


@receiver(user_locked_out)
def locked_out(request: HttpRequest, username: str | None, **_: Any) -> None:
    name = username or ""
    _announce(anonymous_actor(request), "sign_in.locked_out", _person_called(name), **_digest(name))


@receiver(authentication_step_completed)
def confirmed(request: HttpRequest, user: User, method: str, **details: Any) -> None:
    if details.get("reauthenticated"):
        _announce(user_actor(user, request), "sign_in.confirmed", user, method=method)


@receiver([password_changed, password_reset, password_set])
def password_replaced(request: HttpRequest, user: User, **_: Any) -> None:
    _announce(user_actor(user, request), "password.changed", user)


@receiver(authenticator_added)
def factor_added(request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    _announce(user_actor(user, request), "mfa.added", user, type=authenticator.type)


@receiver(authenticator_removed)
def factor_removed(request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    _announce(user_actor(user, request), "mfa.removed", user, type=authenticator.type)


@receiver(authenticator_reset)
def recovery_codes_made(request: HttpRequest, user: User, **_: Any) -> None:
    _announce(user_actor(user, request), "mfa.recovery_codes_made", user)


@receiver(authentication_failed)
def factor_failed(request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    _announce(anonymous_actor(request), "sign_in.failed", user, factor=authenticator.type)


def _person_called(name: str) -> User | str:
    known = User.objects.filter(username__iexact=name).first()
    return known or User.objects.filter(email__iexact=name).first() or "accounts.user:unknown"


def _digest(name: str) -> dict[str, str]:
    # People type passwords into the name field; the ledger cannot forget them.
    return {"name_sha256": hashlib.sha256(name.lower().encode()).hexdigest()}
