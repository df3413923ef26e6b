"""A backup that was restored elsewhere is complete, or the drill says what is missing."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.actors import Actor
from audit import checkpoints, keys
from audit.models import GLOBAL_CHAIN, AuditEvent, ChainHead
from audit.triggers import remove
from cases.models import Case, Exhibit
from cases.services import add_note
from cases.storage import artefact_store, evidence_store
from detection.models import Analysis, Artefact
from reports.models import Export
from reports.services import request_bundle
from tests.reports.conftest import analysis, examiner, exhibit, made  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def outside(
    analysis: Analysis,  # noqa: F811
    examiner: Actor,  # noqa: F811
    case: Case,
    tmp_path: Path,
) -> Path:
    """A case with a finding and a bundle, and a checkpoint of it kept outside."""
    made(request_bundle(actor=examiner, case=case))
    kept = tmp_path / "kept-elsewhere.txt"
    kept.write_text(checkpoints.create(reason="request").note, encoding="utf-8")
    return kept


def drill(*arguments: str) -> str:
    """What the command says when it finds the copy complete."""
    out = StringIO()
    call_command("restore_drill", *arguments, stdout=out)
    return out.getvalue()


def failed_drill(*arguments: str) -> str:
    """What the command says when it does not."""
    err = StringIO()
    with pytest.raises(CommandError) as failure:
        call_command("restore_drill", *arguments, stdout=StringIO(), stderr=err)
    assert failure.value.returncode == 1
    return f"{err.getvalue()}{failure.value}"


def test_a_complete_copy_is_said_to_be_complete(outside: Path) -> None:
    before = AuditEvent.objects.count()
    out = drill("--checkpoint", str(outside), "--key", keys.current_verifier_key())
    assert "global entries are as attested outside" in out
    assert "originals: 1 hashed" in out
    assert out.endswith("The restored copy is complete.\n")
    assert AuditEvent.objects.count() == before, "a drill writes nothing"


def test_missing_and_changed_files_are_named(outside: Path, exhibit: Exhibit) -> None:  # noqa: F811
    original = evidence_store().path(exhibit.storage_key)
    original.chmod(0o640)
    original.write_bytes(b"something else")
    artefact_store().path(Export.objects.get().storage_key).unlink()
    derived = artefact_store().path(Artefact.objects.latest("pk").storage_key)
    derived.chmod(0o640)
    derived.write_bytes(b"something else")
    err = failed_drill("--checkpoint", str(outside))
    assert f"original: {exhibit.label} is changed" in err
    assert "Nothing is stored under exports/" in err
    assert sum(line.startswith("derived: ") for line in err.splitlines()) == 2
    assert "not complete: 3 problems" in err


def test_a_backup_older_than_the_checkpoint_is_named(
    case: Case,
    examiner: Actor,  # noqa: F811
    tmp_path: Path,
) -> None:
    """The chain's own head row came from the backup too, so nothing inside can tell."""
    old = ChainHead.objects.filter(pk=GLOBAL_CHAIN).values().get()
    entries = AuditEvent.objects.filter(chain=GLOBAL_CHAIN).count()
    add_note(actor=examiner, case=case, text="Written after the backup.")
    checkpoint = checkpoints.create(reason="request")
    kept = tmp_path / "kept.txt"
    kept.write_text(checkpoint.note, encoding="utf-8")
    with connection.cursor() as cursor:
        for statement in remove(connection):
            cursor.execute(statement)
    AuditEvent.objects.filter(chain=GLOBAL_CHAIN, seq__gt=entries).delete()
    checkpoint.delete()
    ChainHead.objects.filter(pk=GLOBAL_CHAIN).update(**old)
    err = failed_drill("--checkpoint", str(kept))
    assert f"attests {checkpoint.size} entries of the global chain, the copy holds {entries}" in err


def test_a_checkpoint_of_somebody_else_is_refused(outside: Path) -> None:
    outside.write_text(outside.read_text().replace("\n", "\n1", 1))
    err = failed_drill("--checkpoint", str(outside))
    assert "kept-elsewhere.txt cannot be used: the signature does not fit the text" in err
