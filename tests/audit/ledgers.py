"""Small real ledgers for tests."""

from __future__ import annotations

import uuid

from django.db import connection, transaction

from accounts.actors import system_actor
from audit import triggers
from audit.actions import Action
from audit.models import AuditEvent
from audit.services import append

FIRST_CASE = uuid.UUID(int=1)
SECOND_CASE = uuid.UUID(int=2)


def add(case_id: uuid.UUID | None, number: int) -> AuditEvent:
    """Append one entry with a payload of its own."""
    with transaction.atomic():
        return append(
            actor=system_actor(),
            action=Action.EVIDENCE_VERIFIED,
            subject=f"tests.row:{number}",
            case_id=case_id,
            payload={"number": number, "sha256": f"{number:064x}"},
        )


def three_chains(entries: int = 5) -> None:
    """``entries`` entries in each of two case chains and in the global one, interleaved."""
    for number in range(entries):
        for case_id in (FIRST_CASE, SECOND_CASE, None):
            add(case_id, number)


def drop_triggers() -> None:
    """What a hostile database administrator does first."""
    with connection.cursor() as cursor:
        for statement in triggers.remove(connection):
            cursor.execute(statement)
