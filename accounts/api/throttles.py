"""Rate limits per API key or person, counted in fixed windows in the shared cache."""

from __future__ import annotations

import time
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}

logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Allowance:
    """What a caller has left: ``remaining`` of ``limit`` requests, all anew in ``reset_s``."""

    limit: int
    remaining: int
    reset_s: int


class CallerRate(BaseThrottle):
    """Counts requests of one caller. A cache that does not answer lets requests pass."""

    scope = "requests"

    def allow_request(self, request: Request, _view: object) -> bool:
        limit, window = parse_rate(settings.API_RATES[self.scope])
        now = int(time.time())
        self._wait = window - now % window
        key = f"rate:{self.scope}:{caller_of(request)}:{now // window}"
        try:
            cache.add(key, 0, timeout=window + 1)
            used = cache.incr(key)
        except (RedisError, ValueError) as error:
            logger.warning("rate_limit_unavailable", reason=str(error))
            return True
        request.rate = Allowance(limit, max(0, limit - used), self._wait)  # type: ignore[attr-defined]
        return used <= limit

    def wait(self) -> float:
        return float(self._wait)


class DetectionRate(CallerRate):
    """The stricter limit of the routes that analyse a file in one request."""

    scope = "detections"


def caller_of(request: Request) -> str:
    """``key:…``, ``user:…`` or ``address:…``: whoever the request is counted for."""
    if request.auth is not None and hasattr(request.auth, "key_id"):
        return f"key:{request.auth.key_id}"
    if request.user is not None and request.user.is_authenticated:
        return f"user:{request.user.pk}"
    return f"address:{request.META.get('REMOTE_ADDR', '')}"


def parse_rate(text: str) -> tuple[int, int]:
    """``"100/hour"`` as (100, 3600). ValueError for anything else."""
    count, _, unit = text.partition("/")
    if unit not in SECONDS:
        raise ValueError(f"rate {text!r}: write a number, a slash and one of {', '.join(SECONDS)}")
    return int(count), SECONDS[unit]
