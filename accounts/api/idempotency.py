"""A POST with ``Idempotency-Key`` is done once; repeating it gets the same answer again."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.problems import CONTENT_TYPE, Problem
from accounts.models import KeptAnswer

HEADER = "Idempotency-Key"
KEY = re.compile(r"[!-~]{1,255}")
KEPT_FOR = timedelta(hours=24)
# A request that took longer has died with its process; its key may be used again.
ABANDONED_AFTER = timedelta(minutes=30)
HASHED_BODY_LIMIT = 1024 * 1024


class Replay(Exception):
    """Raised instead of running the view."""

    def __init__(self, kept: KeptAnswer) -> None:
        super().__init__(kept.key)
        self.kept = kept

    def response(self) -> Response:
        refused = (self.kept.status or 0) >= 400
        return Response(
            json.loads(self.kept.body) if self.kept.body else None,
            status=self.kept.status,
            headers={**self.kept.headers, "Idempotency-Replayed": "true"},
            content_type=CONTENT_TYPE if refused else None,
        )


def begin(request: Request, caller: str, headers: Collection[str] = ()) -> KeptAnswer | None:
    """Claim the request's key; None without one. Raises Replay, or Problem 400, 409 or 422.

    With other values of ``headers`` it is another request.
    """
    key = request.headers.get(HEADER)
    if request.method != "POST" or key is None:
        return None
    if not KEY.fullmatch(key):
        raise Problem(
            400, "idempotency_key", f"{HEADER} is 1 to 255 printable ASCII characters, no spaces."
        )
    fingerprint = _fingerprint(request, headers)
    _forget(caller, key)
    try:
        with transaction.atomic():
            return KeptAnswer.objects.create(caller=caller, key=key, fingerprint=fingerprint)
    except IntegrityError:
        kept = KeptAnswer.objects.filter(caller=caller, key=key).first()
    if kept is None or kept.status is None:
        raise Problem(
            409, "idempotency_in_progress", "The first request with this key is still running."
        )
    if kept.fingerprint != fingerprint:
        raise Problem(
            422, "idempotency_mismatch", "This key was used before with a different request."
        )
    raise Replay(kept)


def finish(kept: KeptAnswer, response: Response, secrets: Collection[str] = ()) -> None:
    """Keep the answer; a server error or a rate limit is forgotten, so it can be tried again.

    ``secrets`` names fields that are shown once: a replay answers null in their place.
    """
    if response.status_code >= 500 or response.status_code in (401, 429):
        kept.delete()
        return
    kept.status = response.status_code
    data = response.data
    if isinstance(data, dict):
        data = {name: None if name in secrets else value for name, value in data.items()}
    kept.body = JSONRenderer().render(data).decode() if data is not None else ""
    kept.headers = {
        name: response.headers[name] for name in ("Location",) if name in response.headers
    }
    kept.save(update_fields=["status", "body", "headers"])


def _forget(caller: str, key: str) -> None:
    now = timezone.now()
    mine = KeptAnswer.objects.filter(caller=caller, key=key)
    mine.filter(created_at__lt=now - KEPT_FOR).delete()
    mine.filter(status=None, created_at__lt=now - ABANDONED_AFTER).delete()


def _fingerprint(request: Request, headers: Collection[str]) -> str:
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    for name in headers:
        digest.update(f"{name}: {request.headers.get(name, '')}\n".encode())
    length = int(request.headers.get("Content-Length") or 0)
    content_type = request.headers.get("Content-Type", "")
    if content_type.startswith("multipart/"):
        # The boundary differs between repeats, and the files may be huge: names and sizes do.
        digest.update(_form(request.data).encode())
    elif length <= HASHED_BODY_LIMIT:
        digest.update(json.dumps(request.data, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _form(data: Any) -> str:
    parts = [
        (name, getattr(value, "name", value), getattr(value, "size", ""))
        for name in sorted(data)
        for value in data.getlist(name)
    ]
    return json.dumps(parts, default=str)
