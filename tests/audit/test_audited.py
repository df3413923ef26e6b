"""A change of an audited model without its entry does not commit."""

from __future__ import annotations

import pytest

from accounts.actors import system_actor
from audit import row_stamps
from audit.actions import Action
from audit.errors import UnauditedChange
from audit.models import AuditEvent
from audit.services import append
from audit.transactions import audited
from cases.models import Case

pytestmark = pytest.mark.django_db


def _case(number: str = "2026-0042") -> Case:
    return Case(number=number, title="t", created_by_label="somebody")


def _save(case: Case, *explained: Case) -> None:
    """Save ``case`` in a block of its own, with an entry about each of ``explained``."""
    with audited():
        case.save()
        for other in explained:
            _entry(other)


def _entry(case: Case, *also: Case) -> AuditEvent:
    return append(
        actor=system_actor(),
        action=Action.CASE_CREATED,
        subject=case,
        case_id=case.pk,
        also=also,
    )


def test_a_change_with_its_entry_commits() -> None:
    case = _case()
    with audited():
        case.save()
        _entry(case)
    assert Case.objects.filter(pk=case.pk).exists()


def test_a_change_without_its_entry_is_rolled_back_and_named() -> None:
    case = _case()
    with pytest.raises(UnauditedChange, match=f"cases.case:{case.pk}"), audited():
        case.save()
    assert not Case.objects.filter(pk=case.pk).exists()


def test_the_entry_of_another_row_explains_nothing() -> None:
    case, other = _case(), _case("2026-0043")
    with pytest.raises(UnauditedChange, match=str(case.pk)):
        _save(case, other)
    assert not AuditEvent.objects.filter(case_id=other.pk).exists()


def test_one_entry_may_account_for_several_rows() -> None:
    case, other = _case(), _case("2026-0043")
    with audited():
        case.save()
        other.save()
        _entry(case, other)
    assert Case.objects.count() == 2


def test_writing_outside_the_block_is_refused() -> None:
    with pytest.raises(UnauditedChange, match="outside audited"):
        _case().save()
    with pytest.raises(UnauditedChange, match="outside audited"):
        Case.objects.bulk_create([_case()])
    with pytest.raises(UnauditedChange, match="outside audited"):
        Case.objects.update(title="x")
    with pytest.raises(UnauditedChange, match="outside audited"):
        Case.objects.all().delete()
    assert not Case.objects.exists()


def test_a_bulk_update_needs_an_entry_about_the_model() -> None:
    case = _case()
    with audited():
        case.save()
        _entry(case)
    with pytest.raises(UnauditedChange, match=r"cases.case:\*"), audited():
        Case.objects.filter(pk=case.pk).update(title="changed")
    with audited():
        Case.objects.filter(pk=case.pk).update(title="changed")
        _entry(case)
    case.refresh_from_db()
    assert case.title == "changed"


@audited()
def _entry_then_save(case: Case) -> None:
    _entry(case)
    case.save()


def test_an_entry_before_the_change_explains_nothing() -> None:
    case = _case()
    with audited():
        case.save()
        _entry(case)
    case.title = "changed"
    with pytest.raises(UnauditedChange, match=f"cases.case:{case.pk}"):
        _entry_then_save(case)


def test_an_entry_stamps_the_row_as_the_database_has_it() -> None:
    case = _case()
    with audited():
        case.save()
        _entry(case)
    for title in ("changed", "changed again"):
        with audited():
            Case.objects.filter(pk=case.pk).update(title=title)
            _entry(case)  # in memory it is as it was
    assert list(row_stamps.disagreements()) == []


def test_a_row_that_older_entries_tell_of_accuses_nobody() -> None:
    case = _case()
    case.save_base(raw=True, force_insert=True)
    assert [found.code for found in row_stamps.disagreements()] == ["record_unknown"]
    with audited():
        _entry(case)  # as versions without stamps wrote it
    assert list(row_stamps.disagreements()) == []


def test_fields_of_no_weight_need_no_entry() -> None:
    case = _case()
    with audited():
        case.save()
        _entry(case)
    Case.objects.filter(pk=case.pk).update(last_exhibit_number=3)
    case.refresh_from_db()
    assert case.last_exhibit_number == 3


def test_an_inner_block_answers_for_itself_and_helps_the_outer_one() -> None:
    case = _case()
    with audited():
        case.save()
        with audited():
            _entry(case)
    with audited():
        # An entry of the outer block comes too late for the inner one.
        with pytest.raises(UnauditedChange):
            _save(case)
        _entry(case)
