"""With the triggers dropped, whatever is done to evidence is found by comparison with the ledger.

Runs on SQLite here, on PostgreSQL through ``test_postgresql``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import connection

from accounts.actors import user_actor
from accounts.models import User
from audit.verification import verify_all
from cases import services, triggers
from cases.acquisition import Acquisition
from cases.models import CaseMembership, CustodyEvent, Exhibit
from cases.storage import evidence_store

pytestmark = pytest.mark.django_db


@pytest.fixture
def handled(receive: Callable[..., Exhibit], alice: User) -> Exhibit:
    """An exhibit with a custody of several steps."""
    stated = Acquisition(source="a phone", acquired_at=datetime(2026, 3, 1, tzinfo=UTC))
    exhibit = receive(acquisition=stated)
    actor = user_actor(alice)
    services.record_view(actor=actor, exhibit=exhibit)
    services.verify_exhibit(actor=actor, exhibit=exhibit)
    services.open_exhibit(actor=actor, exhibit=exhibit, purpose="hearing")
    services.record_export(actor=actor, exhibit=exhibit, purpose="disclosure", export="1")
    assert verify_all().problems == ()
    return exhibit


def as_database_administrator(*statements: str) -> list[str]:
    """Drop the triggers, run the statements; what the verification then says besides."""
    with connection.cursor() as cursor:
        for guard in triggers.GUARDS:
            for statement in triggers.remove(connection, (guard,)):
                cursor.execute(statement)
        for statement in statements:
            cursor.execute(statement)
    problems = verify_all().problems
    missing = [problem for problem in problems if problem.code == "trigger_missing"]
    assert len(missing) == 3 * len(triggers.GUARDS)
    return [problem.message for problem in problems if problem.code != "trigger_missing"]


def test_dropped_triggers_are_named(handled: Exhibit) -> None:
    assert as_database_administrator() == []


@pytest.mark.parametrize(
    ("assignment", "named"),
    [
        ("sha256 = 'x'", "sha256"),
        ("sha512 = 'x'", "sha512"),
        ("md5 = NULL", "md5"),
        ("sha1 = 'x'", "sha1"),
        ("size = size + 1", "size"),
        ("storage_key = 'aa/bb'", "storage_key"),
        ("number = 7", "number"),
        ("name = 'other.wav'", "name_sha256"),
        ("source = 'another phone'", "acquisition_sha256"),
        ("acquired_at = NULL", "acquisition_sha256"),
    ],
)
def test_a_changed_exhibit_is_named(handled: Exhibit, assignment: str, named: str) -> None:
    message, *_, row = as_database_administrator(f"UPDATE cases_exhibit SET {assignment}")
    assert f"(cases.exhibit:{handled.pk}): the ledger has another {named}" in message
    assert row == f"the row cases.exhibit:{handled.pk} is not what the ledger's last entry left"


def test_the_same_content_in_another_case_accuses_nobody(handled: Exhibit, alice: User) -> None:
    """Such an exhibit is named on the global chain too."""
    actor = user_actor(alice)
    with evidence_store().open(handled.storage_key) as stream:
        twin = services.receive_evidence(
            actor=actor,
            case=services.create_case(actor=actor, title="The same recording"),
            stream=stream,
            filename="twin.wav",
        )
    evidence_store().path(twin.storage_key).unlink()
    assert not services.verify_exhibit(actor=actor, exhibit=twin)
    assert verify_all().problems == ()


def test_a_swapped_file_with_its_row_made_to_fit_is_named(handled: Exhibit) -> None:
    """The file check alone would be satisfied: row and bytes agree with each other."""
    path = evidence_store().path(handled.storage_key)
    path.chmod(0o640)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    digests = evidence_store().digests(handled.storage_key)
    (message, _) = as_database_administrator(
        f"UPDATE cases_exhibit SET sha256 = '{digests.sha256}', sha512 = '{digests.sha512}'"
    )
    assert "the ledger has another sha256, sha512" in message


def test_a_gap_in_the_numbers_is_named(handled: Exhibit) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE cases_case SET last_exhibit_number = 7")
    (problem,) = verify_all().problems
    assert problem.message.endswith("counts 7 exhibits, the last one received is number 1")


def test_a_frozen_or_handed_over_exhibit_stays_so(handled: Exhibit, bob: User) -> None:
    """State and custodian may change by a service, so no trigger guards them."""
    for assignment in ("state = 'frozen'", f"custodian_id = {bob.pk}"):
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE cases_exhibit SET {assignment}")
        (problem,) = verify_all().problems
        assert problem.message.startswith(f"the row cases.exhibit:{handled.pk} is not what")


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("DELETE FROM {custody} WHERE kind = 'downloaded'", "custodyevent:{downloaded} {gone}"),
        ("DELETE FROM {custody} WHERE kind = 'analysed'", "custodyevent:{analysed} {gone}"),
        ("UPDATE {custody} SET kind = 'x' WHERE kind = 'viewed'", "custodyevent:{viewed} {other}"),
        ("UPDATE {custody} SET actor_label = 'x'", "custodyevent:{verified} {other}"),
        ("UPDATE {custody} SET purpose = 'x'", "custodyevent:{downloaded} {other}"),
        ("UPDATE {custody} SET sha256_after = ''", "custodyevent:{verified} {other}"),
        (
            "INSERT INTO {custody} (id, {columns}) SELECT 9999999, {columns} FROM {custody} "
            "WHERE kind = 'viewed'",
            "custodyevent:9999999 {unknown}",
        ),
        ("DELETE FROM cases_legalhold WHERE matter = '7/26'", "legalhold:{hold} {gone}"),
        ("UPDATE cases_legalhold SET released_at = placed_at", "legalhold:{hold} {other}"),
        ("UPDATE cases_note SET text = 'Heard nothing.'", "note:{note} {other}"),
        ("DELETE FROM cases_note", "note:{note} {gone}"),
        ("UPDATE cases_casemembership SET role = 'manager'", "casemembership:{member} {other}"),
        ("UPDATE cases_transfer SET purpose = 'x'", "transfer:{transfer} {other}"),
        ("DELETE FROM cases_transfer", "transfer:{transfer} {gone}"),
        ("UPDATE cases_case SET title = 'x'", "case:{case} {other}"),
        ("UPDATE cases_exhibit SET last_verified_at = received_at", "exhibit:{exhibit} {other}"),
    ],
)
def test_every_other_row_is_named(
    handled: Exhibit, alice: User, bob: User, statement: str, named: str
) -> None:
    actor, case = user_actor(alice), handled.case
    services.record_analysis(
        actor=actor, exhibit=handled, purpose="analysis", sha256_before="a", sha256_after="a"
    )
    rows = {
        "hold": services.place_hold(actor=actor, case=case, matter="7/26", reason="Appeal"),
        "note": services.add_note(actor=actor, case=case, text="Heard twice."),
        "member": CaseMembership.objects.exclude(role="manager").first(),
        "transfer": services.offer_transfer(
            actor=actor, exhibit=handled, receiver=bob, purpose="examination"
        ),
        "case": case,
        "exhibit": handled,
    }
    steps = dict(CustodyEvent.objects.values_list("kind", "pk"))
    columns = [str(f.column) for f in CustodyEvent._meta.concrete_fields if not f.primary_key]
    names = {"custody": "cases_custodyevent", "columns": ", ".join(columns)}
    messages = as_database_administrator(statement.format(**names))
    words = {
        "gone": "was recorded and is gone",
        "other": "is not what the ledger's last entry left",
        "unknown": "is not on the ledger",
    }
    keys = {name: row.pk for name, row in rows.items() if row}
    keys |= steps
    assert f"the row cases.{named}".format(**keys, **words) in messages


def test_a_member_who_was_taken_out_and_put_back_is_named(handled: Exhibit, alice: User) -> None:
    member = CaseMembership.objects.get(case=handled.case, role="examiner")
    services.remove_member(actor=user_actor(alice), case=handled.case, user=member.user)
    assert verify_all().problems == ()
    member.save_base(raw=True, force_insert=True)
    (problem,) = verify_all().problems
    key = f"cases.casemembership:{member.pk}"
    assert problem.message == f"the row {key} was removed and is there again"


def test_a_destruction_that_one_person_made_up_is_named(handled: Exhibit, alice: User) -> None:
    request = services.request_destruction(
        actor=user_actor(alice), exhibit=handled, reason="Over", authority="Order 1"
    )
    (message,) = as_database_administrator(
        "UPDATE cases_destructionrequest SET status = 'declined'"
    )
    assert f"cases.destructionrequest:{request.pk} is not what" in message


def test_an_exhibit_that_nobody_received_is_named(handled: Exhibit) -> None:
    columns = ", ".join(str(field.column) for field in Exhibit._meta.concrete_fields)
    copied = columns.replace("id,", "'00000000000000000000000000000009',", 1)
    copied = copied.replace("number", "9")
    (message, *_, row) = as_database_administrator(
        f"INSERT INTO cases_exhibit ({columns}) SELECT {copied} FROM cases_exhibit"
    )
    assert message.endswith("is not on the ledger")
    assert row.startswith("the row cases.exhibit:")
    assert row.endswith("is not on the ledger")
