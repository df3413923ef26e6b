"""Making reports and bundles: rights, records, custody, redaction."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction

from accounts.actors import Actor
from accounts.models import User
from audit.actions import Action
from audit.models import AuditEvent, Checkpoint
from audit.verification import verify_all
from cases import services as cases
from cases.models import Case, CustodyEvent, Exhibit
from cases.storage import artefact_store
from detection import services as detection
from detection.models import Analysis, Finding
from reports import services
from reports.errors import ReportRefused
from reports.models import Export, ExportKind
from reports.tasks import make_export
from tests.reports.conftest import made, unpack
from tests.reports.findings import portrait
from tests.reports.test_verifier import VERIFY, run

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_report_is_stored_recorded_and_carries_the_checkpoint(
    analysis: Analysis, examiner: Actor
) -> None:
    export = made(
        services.request_report(actor=examiner, analysis=analysis, kind=ExportKind.REPORT_HTML)
    )
    text = artefact_store().path(export.storage_key).read_text()
    assert Checkpoint.objects.latest("id").note.strip() in text.replace("&#x27;", "'")
    for words in (
        analysis.exhibit.sha256,
        "The recording is a manipulation.",
        "weak support for the proposition",
        "the recording has no sound",
        "the picture is blurred",
        "That no trace of manipulation was found does not prove",
        "The mouth region is inconsistent with the light.",
        "drawn portraits",
        "Proficiency test passed on 2026-03-01",
        "Rule 902(13) and (14)",
        "EXIF GPSLatitude",
    ):
        assert words in text, words
    entry = AuditEvent.objects.get(action=Action.REPORT_CREATED)
    assert entry.subject == f"reports.export:{export.pk}"
    assert entry.payload["sha256"] == export.sha256
    assert verify_all().ok


def test_the_pdf_is_a_pdf_with_several_pages(analysis: Analysis, examiner: Actor) -> None:
    export = made(services.request_report(actor=examiner, analysis=analysis))
    content = artefact_store().path(export.storage_key).read_bytes()
    assert content.startswith(b"%PDF-")
    assert len(content) == export.size > 20_000
    assert export.filename.endswith(".pdf")


def test_only_who_may_export_exports_and_the_refusal_is_recorded(
    analysis: Analysis, case: Case, carol: User, actor: Callable[[User], Actor]
) -> None:
    reviewer = actor(carol)
    with pytest.raises(PermissionDenied):
        services.request_report(actor=reviewer, analysis=analysis)
    with pytest.raises(PermissionDenied):
        services.request_bundle(actor=reviewer, case=case)
    assert not Export.objects.exists()
    refusals = AuditEvent.objects.filter(action=Action.PERMISSION_DENIED, case_id=case.pk)
    assert [entry.payload["action"] for entry in refusals] == ["export", "export"]


def test_an_analysis_without_finding_has_no_report(exhibit: Exhibit, examiner: Actor) -> None:
    queued = detection.submit_analysis(actor=examiner, exhibit=exhibit)
    with pytest.raises(ReportRefused, match="no finding"):
        services.request_report(actor=examiner, analysis=queued)


def test_each_original_that_leaves_has_a_custody_event(bundle: Path, exhibit: Exhibit) -> None:
    event = CustodyEvent.objects.filter(exhibit=exhibit).last()
    assert event is not None
    assert (event.kind, event.purpose) == ("exported", "disclosure")
    record = json.loads((bundle / "data" / "extract.json").read_text())
    assert [step["kind"] for step in record["custody"]] == ["received", "analysed", "exported"]


def test_a_selection_is_stated_word_for_word(
    analysis: Analysis, exhibit: Exhibit, case: Case, examiner: Actor, tmp_path: Path
) -> None:
    cases.receive_evidence(
        actor=examiner, case=case, stream=io.BytesIO(portrait(90)), filename="second.png"
    )
    export = made(services.request_bundle(actor=examiner, case=case, exhibits=[exhibit]))
    folder = unpack(export, tmp_path / "chosen")
    record = json.loads((folder / "data" / "extract.json").read_text())
    assert record["selection"] == export.selection
    assert export.selection == ("chosen exhibits (2026-0001/1) with their finished analyses")
    assert [entry["label"] for entry in record["exhibits"]] == ["2026-0001/1"]
    assert len(list((folder / "data" / "originals").iterdir())) == 1
    assert VERIFY.verify(folder)


def test_an_empty_or_foreign_selection_is_refused(
    case: Case, exhibit: Exhibit, examiner: Actor
) -> None:
    with pytest.raises(ReportRefused, match="at least one exhibit"):
        services.request_bundle(actor=examiner, case=case, exhibits=[])
    with pytest.raises(ReportRefused, match="Known: originals, pictures"):
        services.request_bundle(actor=examiner, case=case, redactions=["everything"])


def test_a_redacted_copy_lists_what_was_removed_and_verifies(
    analysis: Analysis, case: Case, examiner: Actor, tmp_path: Path
) -> None:
    left_out = ["originals", "pictures", "notes", "people"]
    made(services.request_bundle(actor=examiner, case=case))
    export = made(services.request_bundle(actor=examiner, case=case, redactions=left_out))
    assert export.kind == ExportKind.REDACTED_BUNDLE
    folder = unpack(export, tmp_path / "redacted")
    record = json.loads((folder / "data" / "extract.json").read_text())
    assert len(record["removals"]) == 4
    assert not (folder / "data" / "originals").exists()
    assert not (folder / "data" / "derived").exists()
    everything = b"".join(
        path.read_bytes() for path in folder.rglob("*") if path.suffix in (".json", ".html")
    )
    assert b"The mouth region" not in everything
    names = [json.dumps(record), (folder / "data" / "ledger.json").read_text()]
    assert "Proficiency" not in "".join(names)
    assert not re.search(r"\b(alice|bob|carol)\b", "".join(names))
    assert "submitted by Person" in names[0]
    assert '"user": "Person' in json.dumps(record)
    code, words = run(folder)
    assert code == 0, words
    assert "Removed from this copy: the original recordings" in words


def test_a_copy_without_metadata_tells_no_place(
    analysis: Analysis, case: Case, examiner: Actor, tmp_path: Path
) -> None:
    left_out = ["originals", "metadata"]
    export = made(services.request_bundle(actor=examiner, case=case, redactions=left_out))
    folder = unpack(export, tmp_path / "placeless")
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert b"GPSLatitude" not in everything
    assert not (folder / "data/runs").exists()
    assert (folder / f"data/reports/{analysis.pk}.html").exists()
    code, words = run(folder)
    assert code == 0, words
    assert "Removed from this copy: what the files say about camera, place and time" in words


def test_a_result_that_changed_in_the_database_is_not_exported(
    analysis: Analysis, case: Case, examiner: Actor
) -> None:
    finding = Finding.objects.get(analysis=analysis)
    changed = {**finding.result, "sentences": ["Something else."]}
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER detection_finding_no_update")
        cursor.execute(
            "UPDATE detection_finding SET result = %s WHERE id = %s",
            [json.dumps(changed), finding.pk],
        )
    order = services.request_bundle(actor=examiner, case=case)
    assert make_export(str(order.pk)) == "failed"
    order.refresh_from_db()
    assert order.error_code == "result_changed"
    assert "is not what was recorded" in order.error_message
    assert not Export.objects.exists()


def test_the_record_of_an_export_cannot_be_rewritten(analysis: Analysis, examiner: Actor) -> None:
    made(services.request_report(actor=examiner, analysis=analysis, kind=ExportKind.REPORT_HTML))
    for statement in ("UPDATE reports_export SET sha256 = ''", "DELETE FROM reports_export"):
        with (
            pytest.raises(DatabaseError, match="written once"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_a_download_is_recorded(analysis: Analysis, examiner: Actor) -> None:
    export = made(
        services.request_report(actor=examiner, analysis=analysis, kind=ExportKind.REPORT_HTML)
    )
    services.record_download(actor=examiner, export=export)
    entry = AuditEvent.objects.get(action=Action.REPORT_DOWNLOADED)
    assert (entry.actor_label, entry.payload) == ("bob", {"sha256": export.sha256})
