"""The two commands of the ledger."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audit.actions import Action
from audit.keys import verifier_keys
from audit.models import AuditEvent
from audit.signed_notes import open_note
from tests.audit.ledgers import FIRST_CASE, drop_triggers, three_chains

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_intact_ledger_is_said_to_be_intact_and_the_check_is_recorded() -> None:
    three_chains(2)
    out = StringIO()
    call_command("verify_audit", stdout=out)
    assert "intact: 8 entries in 3 chains" in out.getvalue()
    last = AuditEvent.objects.last()
    assert last is not None
    assert last.action == Action.LEDGER_VERIFIED
    assert last.payload == {"entries": 8, "problems": 0}


def test_a_broken_ledger_is_named_by_its_first_broken_row() -> None:
    three_chains(4)
    drop_triggers()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE audit_auditevent SET actor_label = 'nobody' WHERE chain = %s AND seq >= 3",
            [str(FIRST_CASE)],
        )
    err = StringIO()
    with pytest.raises(CommandError, match="broken") as failure:
        call_command("verify_audit", stderr=err)
    assert failure.value.returncode == 1
    assert f"edited: {FIRST_CASE} entry 3: entry 3 (evidence.verified)" in err.getvalue()
    assert "entry 4" not in err.getvalue()


def test_a_checkpoint_can_be_printed_for_keeping_elsewhere() -> None:
    three_chains(1)
    out = StringIO()
    call_command("checkpoint_audit", stdout=out)
    assert open_note(out.getvalue(), verifier_keys()).startswith("dfd-platform.local/ledger\n")
