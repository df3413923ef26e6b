"""The time stamp of the checkpoint travels in the bundle, and the verifier says what it found."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts.actors import Actor
from audit import timestamps
from audit.models import StampRequest
from cases.models import Case
from cases.storage import artefact_store
from detection.models import Analysis
from reports import services
from tests.audit.authority import Authority, running_authority
from tests.reports.conftest import made, unpack
from tests.reports.test_verifier import VERIFY, reseal, run, wrong

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def authority(tmp_path: Path, settings: Any) -> Iterator[Authority]:
    """The configured authority."""
    with running_authority(tmp_path) as found:
        settings.DFD = dataclasses.replace(
            settings.DFD, timestamp_authority=found.url, timestamp_roots=found.roots
        )
        yield found


@pytest.fixture
def stamped(
    authority: Authority, analysis: Analysis, examiner: Actor, case: Case, tmp_path: Path
) -> Path:
    """An unpacked bundle with a time stamp."""
    export = made(services.request_bundle(actor=examiner, case=case))
    return unpack(export, tmp_path / "stamped")


def test_the_verifier_says_what_was_stamped_and_what_it_did_not_check(
    stamped: Path, authority: Authority
) -> None:
    code, words = run(stamped)
    assert code == 0, words
    assert f"A time stamp of {authority.url} names this checkpoint at 20" in words
    assert "The signature of the time stamp was NOT checked" in words


def test_openssl_checks_the_signature_as_the_readme_says(
    stamped: Path, authority: Authority
) -> None:
    openssl = shutil.which("openssl")
    assert openssl is not None
    done = subprocess.run(
        [openssl, "ts", "-verify", "-data", "data/checkpoint.txt", "-in", "data/checkpoint.tsr",
         "-CAfile", authority.roots],
        cwd=stamped, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Verification: OK" in done.stdout, done.stderr


def test_a_stamp_of_another_checkpoint_is_named(stamped: Path) -> None:
    stamp = stamped / "data/checkpoint.tsr"
    text = (stamped / "data/checkpoint.txt").read_bytes()
    imprint, _ = VERIFY.read_stamp(stamp.read_bytes())
    stamp.write_bytes(stamp.read_bytes().replace(imprint, bytes(32)))
    reseal(stamped)
    assert wrong(stamped) == "data/checkpoint.tsr is the time stamp of another checkpoint"
    stamp.write_bytes(b"0\x82")
    reseal(stamped)
    assert wrong(stamped) == "data/checkpoint.tsr is not a time stamp (RFC 3161)"
    (stamped / "data/checkpoint.txt").write_bytes(text + b"more")
    reseal(stamped)
    assert "is not the checkpoint of data/ledger.json" in wrong(stamped)


def test_an_authority_that_is_away_delays_nothing_and_is_asked_again(
    authority: Authority, analysis: Analysis, examiner: Actor, case: Case, tmp_path: Path
) -> None:
    authority.refuses = True
    export = made(services.request_bundle(actor=examiner, case=case))
    folder = unpack(export, tmp_path / "unstamped")
    code, words = run(folder)
    assert code == 0, words
    assert f"No time stamp was had when this was made (asked: {authority.url})." in words
    authority.refuses = False
    made(services.request_report(actor=examiner, analysis=analysis, kind="report_html"))
    assert StampRequest.objects.filter(stamped_at=None).count() == 0


def test_the_report_names_the_time_stamp(
    authority: Authority, analysis: Analysis, examiner: Actor
) -> None:
    export = made(services.request_report(actor=examiner, analysis=analysis, kind="report_html"))
    text = artefact_store().path(export.storage_key).read_text()
    assert f"The time-stamping authority {authority.url} attested this checkpoint at 20" in text
    stamp = timestamps.time_stamp_of(StampRequest.objects.latest("pk").checkpoint)
    assert stamp is not None
    assert stamp.time is not None
    assert stamp.time.strftime("%Y-%m-%d %H:%M:%S") in text
