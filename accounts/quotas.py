"""How much a person and each of their keys may use in one day (UTC).

The rooms that take in bytes and run analyses say how to count them; the rows themselves are
counted, so nothing can drift and a flushed cache forgets nothing. A key is held by its own limit,
if it has one, and by its owner's, which counts the owner and all of their keys together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

from django.conf import settings
from django.utils import timezone

from accounts.actors import Actor
from accounts.errors import QuotaExceeded
from accounts.models import User

Holder = tuple[str, str]  # kind and id of an actor, as rows keep them
Counter = Callable[[Iterable[Holder], datetime], int]


class Measure(StrEnum):
    """What is limited."""

    BYTES = "bytes"
    ANALYSES = "analyses"


@dataclass(frozen=True)
class Allowance:
    """What one holder has used of a limit since midnight UTC, and when it starts anew."""

    measure: Measure
    of: str  # "key" or "user"
    limit: int
    used: int
    resets_at: datetime


_counters: dict[Measure, Counter] = {}


def count_with(measure: Measure, counter: Counter) -> None:
    """Let ``counter(holders, since)`` say how much of ``measure`` was used."""
    _counters[measure] = counter


def allowances(actor: Actor, measure: Measure) -> Iterator[Allowance]:
    """The limits on ``actor``, the key's own first; none for the platform's own actors."""
    for of, limit, holders in _limits(actor, measure):
        used = _counters[measure](holders, _midnight())
        yield Allowance(measure, of, limit, used, _midnight() + timedelta(days=1))


def require_quota(actor: Actor, measure: Measure, amount: int) -> None:
    """Raise QuotaExceeded when ``amount`` more does not fit.

    ``quota_too_small`` when it never will, ``quota_used_up`` when it will tomorrow.
    """
    for allowance in allowances(actor, measure):
        whose = "This API key" if allowance.of == "key" else "This account"
        if amount > allowance.limit:
            raise QuotaExceeded(
                "quota_too_small", f"{whose} may use {allowance.limit} {measure} a day.", 0
            )
        if allowance.used + amount > allowance.limit:
            seconds = (allowance.resets_at - timezone.now()).total_seconds()
            raise QuotaExceeded(
                "quota_used_up",
                f"{whose} may use {allowance.limit} {measure} a day and has used "
                f"{allowance.used}; it starts anew at midnight UTC.",
                max(1, int(seconds)),
            )


def hold_owner(actor: Actor, measure: Measure) -> None:
    """Lock the person behind ``actor`` until the transaction ends, so that two requests at once
    cannot both take the last of a limit. Nothing is locked where nothing is limited.

    Rows that name the person can still be written; whoever locks a case as well locks it first.
    """
    if actor.user is not None and any(_limits(actor, measure)):
        User.objects.select_for_update(no_key=True).only("pk").get(pk=actor.user.pk)


def _limits(actor: Actor, measure: Measure) -> Iterator[tuple[str, int, list[Holder]]]:
    if actor.user is None:
        return
    key_limit = getattr(actor.api_key, f"quota_{measure}", None)
    if actor.api_key is not None and key_limit is not None:
        yield "key", key_limit, [("api_key", str(actor.api_key.pk))]
    user_limit = getattr(actor.user, f"quota_{measure}")
    if user_limit is None:
        user_limit = settings.DFD.quotas.get(measure) or None
    if user_limit is not None:
        keys = actor.user.api_keys.values_list("pk", flat=True)
        yield (
            "user",
            user_limit,
            [
                ("user", str(actor.user.pk)),
                *(("api_key", str(pk)) for pk in keys),
            ],
        )


def _midnight() -> datetime:
    today = timezone.now().astimezone(UTC).date()
    return datetime.combine(today, time(), tzinfo=UTC)
