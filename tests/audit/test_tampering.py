"""Whatever is done to the rows behind the triggers' back, verification finds it.

Each example builds a ledger of three chains with checkpoints, does its damage with the triggers
dropped, and rolls everything back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from audit import checkpoints, merkle
from audit.canonical import entry_hash
from audit.models import AuditEvent, ChainHead, Checkpoint
from audit.verification import Problem, verify_all
from tests.audit.ledgers import FIRST_CASE, SECOND_CASE, add, drop_triggers, three_chains

pytestmark = pytest.mark.django_db

EXAMPLES = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    # A busy machine is no finding.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ROW = st.integers(min_value=0, max_value=10_000)
TEXT_COLUMNS = [
    "chain", "actor_kind", "actor_id", "actor_label", "action", "subject", "request_id", "ip",
    "payload_text", "prev_hash", "hash",
]  # fmt: skip


@contextmanager
def hostile_ledger() -> Iterator[list[AuditEvent]]:
    """A verified ledger whose rows may be changed; everything is undone afterwards."""
    try:
        with transaction.atomic():
            three_chains(3)
            checkpoints.keep_outside(checkpoints.create(reason="request"))
            three_chains(2)
            drop_triggers()
            assert found() == []
            yield list(AuditEvent.objects.order_by("id"))
            transaction.set_rollback(True)
    finally:
        _remove_copies()


def _remove_copies() -> None:
    for path in django_settings.DFD.checkpoint_dir.glob("checkpoint-*"):
        path.unlink()


def found() -> list[Problem]:
    """The problems besides the triggers that this test dropped itself."""
    return [problem for problem in verify_all().problems if problem.code != "trigger_missing"]


def sql(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def pick(rows: list[AuditEvent], number: int) -> AuditEvent:
    return rows[number % len(rows)]


@EXAMPLES
@given(row=ROW, column=st.sampled_from(TEXT_COLUMNS), position=ROW, letter=st.sampled_from("xyz 0"))
def test_one_changed_character_is_found(row: int, column: str, position: int, letter: str) -> None:
    with hostile_ledger() as rows:
        event = pick(rows, row)
        before = getattr(event, column)
        place = position % (len(before) + 1)
        after = before[:place] + letter + before[place + 1 :]
        assume(after != before)
        sql(f"UPDATE audit_auditevent SET {column} = %s WHERE id = %s", after, event.pk)
        problems = found()
        assert problems
        if column not in ("chain", "hash"):
            assert (problems[0].chain, problems[0].seq) == (event.chain, event.seq)


@EXAMPLES
@given(row=ROW, column=st.sampled_from(["seq", "occurred_at", "case_id"]), amount=st.integers(1, 9))
def test_a_changed_number_or_time_is_found(row: int, column: str, amount: int) -> None:
    with hostile_ledger() as rows:
        event = pick(rows, row)
        values = {
            "seq": event.seq + 100 * amount,
            "occurred_at": event.occurred_at.replace(microsecond=amount),
            "case_id": f"{amount:032x}" if event.case_id is None or amount > 2 else None,
        }
        sql(f"UPDATE audit_auditevent SET {column} = %s WHERE id = %s", values[column], event.pk)
        assert found()


@pytest.mark.parametrize("text", ["x", "[]", '{"rows": 1}', '{"rows": {}}'])
def test_unreadable_payloads_are_named_and_stop_nothing(text: str) -> None:
    with hostile_ledger() as rows:
        sql("UPDATE audit_auditevent SET payload_text = %s", text)
        assert {(p.chain, p.seq) for p in found()} >= {(rows[0].chain, 1), (str(FIRST_CASE), 1)}


@EXAMPLES
@given(row=ROW)
def test_a_deleted_row_is_found_and_named(row: int) -> None:
    with hostile_ledger() as rows:
        event = pick(rows, row)
        sql("DELETE FROM audit_auditevent WHERE id = %s", event.pk)
        assert (event.chain, event.seq) in {(p.chain, p.seq) for p in found()}


@EXAMPLES
@given(row=ROW, repair=st.booleans())
def test_an_inserted_row_is_found(row: int, repair: bool) -> None:
    with hostile_ledger() as rows:
        event = pick(rows, row)
        later = "UPDATE audit_auditevent SET seq = seq + 1 WHERE id = %s"
        following = AuditEvent.objects.filter(chain=event.chain, seq__gt=event.seq)
        for other in following.order_by("-seq"):
            sql(later, other.pk)
        forged = AuditEvent.objects.get(pk=event.pk)
        forged.pk, forged.seq, forged.prev_hash = None, event.seq + 1, event.hash
        following.filter(seq=event.seq + 2).update(prev_hash="f" * 64)
        forged.hash = entry_hash(forged) if repair else "e" * 64
        forged.save(force_insert=True)
        assert event.chain in {problem.chain for problem in found()}


@EXAMPLES
@given(row=ROW, other=ROW)
def test_two_exchanged_rows_are_found(row: int, other: int) -> None:
    with hostile_ledger() as rows:
        one, two = pick(rows, row), pick(rows, other)
        assume(one.chain == two.chain and one.pk != two.pk)
        sql("UPDATE audit_auditevent SET seq = 9999 WHERE id = %s", one.pk)
        sql("UPDATE audit_auditevent SET seq = %s WHERE id = %s", one.seq, two.pk)
        sql("UPDATE audit_auditevent SET seq = %s WHERE id = %s", two.seq, one.pk)
        first = min(one.seq, two.seq)
        assert [(p.chain, p.seq) for p in found()] == [(one.chain, first)]


@EXAMPLES
@given(row=ROW)
def test_a_cut_tail_is_found(row: int) -> None:
    with hostile_ledger() as rows:
        event = pick(rows, row)
        AuditEvent.objects.filter(chain=event.chain, seq__gte=event.seq).delete()
        assert (event.chain, event.seq) in {(p.chain, p.seq) for p in found()}


def _cut_and_mend(chain: str, keep: int) -> None:
    """Cut a chain to ``keep`` entries and make its head row agree."""
    AuditEvent.objects.filter(chain=chain, seq__gt=keep).delete()
    if keep == 0:
        ChainHead.objects.filter(pk=chain).delete()
        return
    hashes = list(
        AuditEvent.objects.filter(chain=chain).order_by("seq").values_list("hash", flat=True)
    )
    nodes = merkle.frontier_of([bytes.fromhex(value) for value in hashes])
    ChainHead.objects.filter(pk=chain).update(
        seq=keep, hash=hashes[-1], frontier=merkle.pack(nodes)
    )


@pytest.mark.parametrize("keep", [0, 1, 2, 3, 4])
def test_a_case_chain_cut_together_with_its_head_is_found(keep: int) -> None:
    with hostile_ledger():
        _cut_and_mend(str(FIRST_CASE), keep)
        problem = found()[0]
        assert (problem.chain, problem.seq) == (str(FIRST_CASE), keep + 1)
        # Three entries were absorbed; beyond them only the head's seal knows.
        assert problem.code == ("tail_cut" if keep < 3 else "head_unsealed")


def test_a_forged_seal_is_found() -> None:
    with hostile_ledger():
        stolen = ChainHead.objects.get(pk=str(SECOND_CASE)).seal
        ChainHead.objects.filter(pk=str(FIRST_CASE)).update(seal=stolen)
        assert [problem.code for problem in found()] == ["head_unsealed"]


@pytest.mark.parametrize("with_checkpoints", [False, True])
def test_a_global_chain_cut_together_with_its_head_is_found(with_checkpoints: bool) -> None:
    with hostile_ledger():
        if with_checkpoints:
            Checkpoint.objects.all().delete()
        _cut_and_mend("global", 5)
        codes = [problem.code for problem in found()]
        assert "tail_cut" in codes
        assert ("checkpoint_deleted" in codes) is with_checkpoints


def test_a_ledger_written_anew_does_not_fit_the_checkpoint() -> None:
    with hostile_ledger():
        AuditEvent.objects.all().delete()
        ChainHead.objects.all().delete()
        for number in range(40):
            add(None, number)
        assert "rewritten" in {problem.code for problem in found()}


@pytest.mark.parametrize("column", ["note", "root", "head_hash"])
def test_a_changed_checkpoint_is_found(column: str) -> None:
    with hostile_ledger():
        forged = "f" * 64
        if column == "note":
            forged = Checkpoint.objects.get().note.replace("\n", "\n1", 1)
        Checkpoint.objects.update(**{column: forged})
        assert found()


def test_a_deleted_checkpoint_is_found_by_its_copy() -> None:
    with hostile_ledger():
        Checkpoint.objects.all().delete()
        assert [problem.code for problem in found()] == ["checkpoint_deleted"]


def test_a_deleted_copy_is_found(data_dir: Any) -> None:
    with hostile_ledger():
        next((data_dir / "checkpoints").glob("checkpoint-*")).unlink()
        assert [problem.code for problem in found()] == ["copy_missing"]
