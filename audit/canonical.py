"""The bytes an entry's hash covers: RFC 8785 canonical JSON, without floats."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import rfc8785

from audit.errors import BadPayload
from audit.models import AuditEvent

DOMAIN = b"dfd.audit.v1"
# RFC 8785 writes numbers as IEEE doubles; larger integers have no exact form.
LARGEST_INTEGER = 2**53 - 1


def canonical_text(value: dict[str, Any]) -> str:
    """Canonical JSON of ``value``; BadPayload for floats, huge integers and odd types."""
    _refuse_inexact(value, "payload")
    return rfc8785.dumps(value).decode()


def record(event: AuditEvent) -> dict[str, Any]:
    """Everything of ``event`` that its hash covers, as JSON types."""
    return {
        "chain": event.chain,
        "seq": event.seq,
        "occurred_at": timestamp(event.occurred_at),
        "actor": {"kind": event.actor_kind, "id": event.actor_id, "label": event.actor_label},
        "action": event.action,
        "subject": event.subject,
        "case": str(event.case_id) if event.case_id else None,
        "request_id": event.request_id,
        "ip": event.ip,
        "payload": json.loads(event.payload_text),
    }


def entry_hash(event: AuditEvent) -> str:
    """SHA-256 (hex) over the domain, the previous hash (32 bytes) and the canonical record."""
    content = DOMAIN + bytes.fromhex(event.prev_hash) + rfc8785.dumps(record(event))
    return hashlib.sha256(content).hexdigest()


def timestamp(moment: datetime) -> str:
    """UTC with microseconds, ``2026-01-31T23:59:59.000001Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _refuse_inexact(value: Any, where: str) -> None:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        if "\x00" in value:
            raise BadPayload(f"{where} holds a NUL character, which PostgreSQL cannot store")
        return
    if isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise BadPayload(f"{where} is {value}; write integers beyond 2^53 as text")
        return
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise BadPayload(f"{where} has the key {key!r}; keys must be text")
            _refuse_inexact(item, f"{where}.{key}")
        return
    if isinstance(value, list | tuple):
        for position, item in enumerate(value):
            _refuse_inexact(item, f"{where}[{position}]")
        return
    raise BadPayload(
        f"{where} is a {type(value).__name__}; a ledger payload holds text, whole numbers, "
        "booleans, lists and objects (write decimals as text)"
    )
