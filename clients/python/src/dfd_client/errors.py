"""What can go wrong, by kind. The platform's answers are problem details (RFC 9457)."""

from __future__ import annotations

from typing import Any

import httpx


class DfdError(Exception):
    """Base of every error of this package."""


class Unreachable(DfdError):
    """The platform did not answer, or the line broke."""


class HashMismatch(DfdError):
    """What was fetched does not have the hash that the platform states for it."""


class WaitedTooLong(DfdError):
    """What was waited for is not finished yet."""


class ProblemError(DfdError):
    """The platform refused. ``code`` is stable, ``detail`` says what to do.

    ``errors`` lists what is wrong by field, ``request_id`` names the request in the logs and
    ``retry_after`` is the number of seconds to wait, where the answer states one.
    """

    def __init__(self, status: int, problem: dict[str, Any], retry_after: float | None) -> None:
        self.status = status
        self.code = str(problem.get("code", ""))
        self.detail = str(problem.get("detail", ""))
        self.errors: Any = problem.get("errors")
        self.request_id = str(problem.get("request_id", ""))
        self.retry_after = retry_after
        super().__init__(f"{status} {self.code}: {self.detail}")


class Unauthorized(ProblemError):
    """401: no key, or one that opens nothing (any more)."""


class Forbidden(ProblemError):
    """403: the key or its owner may not do this."""


class NotFound(ProblemError):
    """404: it does not exist, or the caller may not see it."""


class Conflict(ProblemError):
    """409: the state of things stands against it, such as a closed case."""


class TooLarge(ProblemError):
    """413: larger than a file, a case or a quota may be."""


class UnsupportedMedia(ProblemError):
    """415: not a recording of a supported format."""


class Invalid(ProblemError):
    """400 or 422: the request or the file is not as it should be."""


class RateLimited(ProblemError):
    """429: too many requests, or a quota is used up until ``retry_after``."""


class ServerError(ProblemError):
    """5xx: not the caller's fault."""


KINDS: dict[int, type[ProblemError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    415: UnsupportedMedia,
    422: Invalid,
    429: RateLimited,
}


def error_of(response: httpx.Response) -> ProblemError:
    """The exception for a response with a status of 400 or more whose body was read."""
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    wait = response.headers.get("Retry-After", "")
    kind = KINDS.get(response.status_code)
    if kind is None:
        kind = ServerError if response.status_code >= 500 else ProblemError
    return kind(response.status_code, problem, float(wait) if wait.isdecimal() else None)
