"""What both clients do, free of waiting: generators that yield requests and pauses.

An operation yields a ``Call`` and is sent the response (or thrown an ``Unreachable``), yields a
``Pause`` and is sent nothing, and returns its result. The synchronous and the asynchronous client
each know how to run such a generator; what to do is written here once.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from dfd_client.errors import RateLimited, ServerError, Unreachable, error_of

API = "/api/v1"
ATTEMPTS = 5
# A quota that is used up until tomorrow is an error, not a reason to sleep.
LONGEST_PAUSE_S = 60.0

Result = TypeVar("Result")


@dataclass(frozen=True)
class Call:
    """One request. ``path`` begins below the platform's address."""

    method: str
    path: str
    params: Mapping[str, Any] | None = None
    json: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pause:
    """Do nothing for so many seconds."""

    seconds: float


Steps = Generator[Call | Pause, Any, Result]


def send(call: Call) -> Steps[httpx.Response]:
    """The response to ``call``; what may pass is tried again, what was refused is raised.

    Every POST gets an ``Idempotency-Key``, so that trying again never does a thing twice.
    """
    if call.method == "POST":
        headers = {"Idempotency-Key": str(uuid.uuid4()), **call.headers}
        call = Call(call.method, call.path, call.params, call.json, call.content, headers)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            response: httpx.Response = yield call
            if response.status_code < 400:
                return response
            error: Exception = error_of(response)
        except Unreachable as broken:
            error = broken
        pause = _pause(error, attempt)
        if pause is None or attempt == ATTEMPTS:
            raise error
        yield Pause(pause)
    raise AssertionError("unreachable: the last attempt returns or raises")


def _pause(error: Exception, attempt: int) -> float | None:
    """Seconds after which the same request may succeed; None when it will not."""
    doubling = 0.5 * 2.0 ** (attempt - 1)
    if isinstance(error, Unreachable):
        return doubling
    if isinstance(error, RateLimited) or (isinstance(error, ServerError) and error.status == 503):
        wait = doubling if error.retry_after is None else error.retry_after
        return wait if wait <= LONGEST_PAUSE_S else None
    if getattr(error, "code", "") == "idempotency_in_progress":
        return doubling
    return None


def fetch(method: str, path: str, **options: Any) -> Steps[Any]:
    """The JSON of the answer, None for an empty one."""
    response = yield from send(Call(method, API + path, **options))
    return response.json() if response.content else None


def fetch_all(path: str, params: Mapping[str, Any] | None = None) -> Steps[list[Any]]:
    """Every row of a list, page by page."""
    rows: list[Any] = []
    call = Call("GET", API + path, params={"page_size": 200, **(params or {})})
    while True:
        page = (yield from send(call)).json()
        if isinstance(page, list):  # short lists come whole
            return page
        rows += page["results"]
        if not page["next"]:
            return rows
        # The cursor alone: behind a proxy the address in it may be another than ours.
        cursor = httpx.URL(page["next"]).params["cursor"]
        call = Call(
            "GET", API + path, params={"page_size": 200, **(params or {}), "cursor": cursor}
        )
