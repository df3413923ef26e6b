"""Making reports and bundles. Every export is a row, a ledger entry and a stored file."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from accounts.actors import Actor
from audit import checkpoints, proofs
from audit.actions import Action
from audit.services import append
from audit.transactions import audited
from cases import selectors as case_selectors
from cases.models import Case, Exhibit
from cases.permissions import CaseAction, require
from cases.services import record_export
from cases.storage import artefact_store
from detection import selectors as detection_selectors
from detection.models import Analysis, AnalysisStatus
from reports import bag, bundle, extract, rendering
from reports.errors import ReportRefused
from reports.models import Export, ExportKind
from reports.redaction import Redaction

STORE_FOLDER = "exports"


def create_report(*, actor: Actor, analysis: Analysis, kind: str = ExportKind.REPORT_PDF) -> Export:
    """A report on one finding, as PDF or HTML, with a fresh checkpoint of the ledger.

    Raises PermissionDenied (EXPORT), ReportRefused without a finding that the actor may see, and
    PdfUnavailable where the libraries that draw PDF are missing.
    """
    case = analysis.exhibit.case
    require(actor, case, CaseAction.EXPORT)
    if detection_selectors.finding_for(actor, analysis) is None:
        raise ReportRefused("no_finding", "This analysis has no finding to report on.")
    export_id = uuid.uuid4()
    content = extract.build(
        actor,
        case,
        export_id=str(export_id),
        analyses=[analysis],
        exhibits=[analysis.exhibit],
        selection=f"the analysis {analysis.pk} of exhibit {analysis.exhibit.label}",
        purpose="report",
    )
    checkpoint = checkpoints.create(reason="report")
    with tempfile.TemporaryDirectory(prefix="dfd-report-") as name:
        folder = Path(name)
        bundle.write_runs(folder, content)
        html = rendering.report_html(
            content.record, str(analysis.pk), folder, checkpoint=checkpoint.note
        )
        file = folder / "report"
        file.write_bytes(rendering.pdf(html) if kind == ExportKind.REPORT_PDF else html.encode())
        return _store(
            actor,
            case,
            file,
            export_id,
            ExportKind(kind),
            action=Action.REPORT_CREATED,
            analysis=analysis,
            record=content.record,
        )


def create_bundle(
    *,
    actor: Actor,
    case: Case,
    exhibits: Sequence[Exhibit] | None = None,
    redactions: Iterable[str] = (),
    purpose: str = "disclosure",
) -> Export:
    """A bundle of the whole case or of chosen exhibits, with every finished analysis of them.

    Each original that leaves gets a custody event. Raises PermissionDenied (EXPORT), ReportRefused
    for an empty selection or an unknown redaction, StoreError when stored files were changed.
    """
    require(actor, case, CaseAction.EXPORT)
    left_out = _redactions(redactions)
    chosen = list(case_selectors.exhibits_of(actor, case) if exhibits is None else exhibits)
    if not chosen or any(exhibit.case_id != case.pk for exhibit in chosen):
        raise ReportRefused("no_exhibits", "Choose at least one exhibit of this case.")
    if Redaction.ORIGINALS not in left_out:
        for exhibit in chosen:
            if exhibit.state == Exhibit.State.STORED:
                record_export(actor=actor, exhibit=exhibit, purpose=purpose)
    export_id = uuid.uuid4()
    content = extract.build(
        actor,
        case,
        export_id=str(export_id),
        analyses=_finished(actor, chosen),
        exhibits=chosen,
        selection=_selection(chosen, everything=exhibits is None),
        purpose=purpose,
        redactions=left_out,
    )
    with tempfile.TemporaryDirectory(prefix="dfd-bundle-") as name:
        folder = Path(name) / "bag"
        _fill(folder, actor, case, export_id, content, left_out)
        file = Path(name) / "bundle.zip"
        bag.pack(folder, file, f"bundle-{case.number}")
        return _store(
            actor,
            case,
            file,
            export_id,
            ExportKind.REDACTED_BUNDLE if left_out else ExportKind.BUNDLE,
            action=Action.EXPORT_STORED,
            record=content.record,
        )


def record_download(*, actor: Actor, export: Export) -> None:
    """Record that the file leaves. Raises PermissionDenied (EXPORT)."""
    require(actor, export.case, CaseAction.EXPORT)
    report = export.kind in (ExportKind.REPORT_PDF, ExportKind.REPORT_HTML)
    with audited():
        append(
            actor=actor,
            action=Action.REPORT_DOWNLOADED if report else Action.EXPORT_DOWNLOADED,
            subject=export,
            case_id=export.case_id,
            payload={"sha256": export.sha256},
        )


def _fill(
    folder: Path,
    actor: Actor,
    case: Case,
    export_id: uuid.UUID,
    content: extract.Extract,
    left_out: frozenset[Redaction],
) -> None:
    content_sha256 = bundle.write_content(folder, content)
    with audited():
        append(
            actor=actor,
            action=Action.EXPORT_CREATED,
            subject=f"reports.export:{export_id}",
            case_id=case.pk,
            payload={
                "content_sha256": content_sha256,
                "exhibits": [entry["id"] for entry in content.record["exhibits"]],
                "removals": sorted(left_out),
            },
        )
    ledger = proofs.case_slice(case.pk)
    if left_out:
        ledger = bundle.redact_ledger(ledger, keep=[Action.EXPORT_CREATED])
    bundle.seal(folder, content.record, ledger)


def _store(
    actor: Actor,
    case: Case,
    file: Path,
    export_id: uuid.UUID,
    kind: ExportKind,
    *,
    action: Action,
    record: dict[str, Any],
    analysis: Analysis | None = None,
) -> Export:
    sha256, size = bag.file_hash(file, "sha256"), file.stat().st_size
    key = artefact_store().put(file, sha256, STORE_FOLDER, final=True)
    mime_type, suffix = {
        ExportKind.REPORT_PDF: ("application/pdf", "pdf"),
        ExportKind.REPORT_HTML: ("text/html", "html"),
    }.get(kind, ("application/zip", "zip"))
    export = Export(
        id=export_id,
        kind=kind,
        case=case,
        analysis=analysis,
        filename=f"{case.number}-{kind.value.replace('_', '-')}-{str(export_id)[:8]}.{suffix}",
        mime_type=mime_type,
        sha256=sha256,
        size=size,
        storage_key=key,
        selection=record["selection"],
        purpose=record["purpose"],
        created_by_kind=actor.kind,
        created_by_id=actor.id,
        created_by_label=actor.label,
    )
    with audited():
        export.full_clean()
        export.save(force_insert=True)
        append(
            actor=actor,
            action=action,
            subject=export,
            case_id=case.pk,
            payload={"kind": kind.value, "sha256": sha256, "size": size},
        )
    return export


def _finished(actor: Actor, exhibits: Sequence[Exhibit]) -> list[Analysis]:
    rows = detection_selectors.analyses_for(actor).filter(
        exhibit__in=exhibits, status__in=[AnalysisStatus.COMPLETE, AnalysisStatus.FAILED]
    )
    return list(rows.order_by("exhibit__number", "created_at"))


def _redactions(names: Iterable[str]) -> frozenset[Redaction]:
    try:
        return frozenset(Redaction(name) for name in names)
    except ValueError as error:
        known = ", ".join(redaction.value for redaction in Redaction)
        raise ReportRefused("redaction", f"{error}. Known: {known}.") from error


def _selection(exhibits: Sequence[Exhibit], *, everything: bool) -> str:
    labels = ", ".join(exhibit.label for exhibit in exhibits)
    scope = "all exhibits of the case" if everything else "chosen exhibits"
    return f"{scope} ({labels}) with their finished analyses"
