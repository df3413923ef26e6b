"""The register that the speed of pages is measured on has a ledger whose chains hold."""

from __future__ import annotations

import pytest

from accounts.models import User
from audit.models import AuditEvent
from audit.verification import verify_all
from bench import register
from cases.models import Case, Exhibit
from detection.models import Finding
from tests.web.sample import sample_outcome

CASES = 12


@pytest.mark.django_db(transaction=True)
def test_the_chains_of_the_register_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register, "IN_THE_BIG_CASE", 5)
    manager = User.objects.create_user("lena")
    result = sample_outcome(Exhibit(name="call.mp4", size=1, sha256="0" * 64, kind="video")).result
    big = register.fill(cases=CASES, manager=manager, result=result.to_dict())
    report = verify_all()
    # Chains, heads and seals hold; the rows themselves are not what services would have recorded.
    assert [problem for problem in report.problems if problem.chain] == []
    # Each case opens its chain on the global one, and receives its exhibits on its own.
    assert report.entries == AuditEvent.objects.count() == 3 * CASES + 5
    assert Case.objects.count() == CASES
    assert big.exhibits.count() == 6
    assert Exhibit.objects.count() == Finding.objects.count() == CASES + 5
