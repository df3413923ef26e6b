"""Making reports and bundles in a job. Every export is a row, a ledger entry and a stored file."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from accounts.actors import Actor, remembered_actor, system_actor
from audit import checkpoints, proofs, timestamps
from audit.actions import Action
from audit.models import Checkpoint
from audit.services import append
from audit.transactions import audited
from cases import selectors as case_selectors
from cases.errors import CasesError
from cases.models import Exhibit
from cases.permissions import CaseAction, require
from cases.services import record_export
from cases.storage import artefact_store
from detection import selectors as detection_selectors
from detection.models import Analysis, AnalysisStatus, NotificationKind
from detection.services import notify
from reports import bag, bundle, extract, files, rendering, zip_stream
from reports.errors import ReportRefused, ReportsError
from reports.models import Export, ExportKind, ExportRequest, RequestStatus
from reports.redaction import Redaction
from reports.services.orders import fail, record_progress

STORE_FOLDER = "exports"
logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Made:
    """A finished file in the artefact store, and what its row says about it."""

    sha256: str
    size: int
    storage_key: str
    selection: str
    originals: list[dict[str, Any]] = field(default_factory=list)


def make(request: ExportRequest) -> Export | None:
    """Make what a claimed order asks for; None when it failed, which its row then explains.

    The person or key that ordered must still be allowed to export.
    """
    actor = remembered_actor(request.requested_by_kind, request.requested_by_id, request.request_id)
    if actor is None:
        _give_up(request, system_actor("exports"), "not_permitted", "Its author has no access now.")
        return None
    try:
        require(actor, request.case, CaseAction.EXPORT)
        return _store(actor, request, _MAKERS[ExportKind(request.kind)](actor, request))
    except (ReportsError, CasesError) as refusal:
        _give_up(request, actor, refusal.code, refusal.message)
    except PermissionDenied as refusal:
        _give_up(request, actor, "not_permitted", str(refusal))
    except Exception:
        logger.exception("export_failed", export=str(request.pk))
        _give_up(
            request,
            actor,
            "internal",
            "The export could not be made because of an error in the platform. The log of the "
            "light worker says more; ask your administrator.",
        )
    return None


def _report(actor: Actor, request: ExportRequest) -> _Made:
    """A report on one finding, with a fresh checkpoint of the ledger.

    Raises ReportRefused without a finding that the actor may see, and PdfUnavailable where the
    libraries that draw PDF are missing.
    """
    analysis = request.analysis
    if analysis is None or detection_selectors.finding_for(actor, analysis) is None:
        raise ReportRefused("no_finding", "This analysis has no finding to report on.")
    content = extract.build(
        actor,
        request.case,
        export_id=str(request.pk),
        analyses=[analysis],
        exhibits=[analysis.exhibit],
        selection=f"the analysis {analysis.pk} of exhibit {analysis.exhibit.label}",
        purpose=request.purpose,
    )
    checkpoint = _checkpoint()
    with tempfile.TemporaryDirectory(prefix="dfd-report-") as name:
        folder = Path(name)
        bundle.write_runs(folder, content)
        record_progress(request=request, percent=30)
        html = rendering.report_html(
            content.record,
            str(analysis.pk),
            content.results[str(analysis.pk)],
            folder,
            checkpoint=checkpoint.note,
            time_stamp=timestamps.time_stamp_of(checkpoint),
        )
        file = folder / "report"
        as_pdf = request.kind == ExportKind.REPORT_PDF
        file.write_bytes(rendering.pdf(html) if as_pdf else html.encode())
        record_progress(request=request, percent=90)
        sha256 = bag.file_hash(file, "sha256")
        return _Made(
            sha256=sha256,
            size=file.stat().st_size,
            storage_key=artefact_store().put(file, sha256, STORE_FOLDER, final=True),
            selection=content.record["selection"],
        )


def _bundle(actor: Actor, request: ExportRequest) -> _Made:
    """A bundle of chosen exhibits. Each original that leaves gets a custody event.

    Originals are not copied: the bundle refers to the evidence store and is put together when it
    is fetched. Raises ReportRefused for an empty selection, StoreError when stored files were
    changed.
    """
    left_out = frozenset(Redaction(name) for name in request.redactions)
    chosen = _chosen(actor, request)
    if Redaction.ORIGINALS not in left_out:
        for exhibit in chosen:
            if exhibit.state == Exhibit.State.STORED:
                record_export(
                    actor=actor, exhibit=exhibit, purpose=request.purpose, export=str(request.pk)
                )
    content = extract.build(
        actor,
        request.case,
        export_id=str(request.pk),
        analyses=_finished(actor, chosen),
        exhibits=chosen,
        selection=_selection(chosen, everything=request.exhibits is None),
        purpose=request.purpose,
        redactions=left_out,
    )
    originals = bundle.originals(content)
    references = [found for _, found in originals]
    record_progress(request=request, percent=30)
    with tempfile.TemporaryDirectory(prefix="dfd-bundle-") as name:
        folder = Path(name) / "bag"
        content_sha256 = bundle.write_content(folder, content, references)
        record_progress(request=request, percent=60)
        tools = bundle.write_tools(folder, content.record)
        hashes = {"content_sha256": content_sha256, "tools": tools}
        _announce(actor, request, content.record, hashes)
        checkpoint = _checkpoint()
        ledger = proofs.case_slice(request.case_id, checkpoint=checkpoint)
        if left_out:
            ledger = bundle.redact_ledger(ledger, keep=f"reports.export:{request.pk}")
        bundle.write_ledger(folder, ledger, timestamps.time_stamp_of(checkpoint))
        bundle.seal(folder, content.record, references)
        record_progress(request=request, percent=70)
        return _pack(request, folder, Path(name) / "parts.zip", content.record, originals)


def _checkpoint() -> Checkpoint:
    """A checkpoint of this moment, time-stamped if an authority is configured and answers."""
    checkpoint = checkpoints.create(reason="report")
    timestamps.stamp_pending()
    return checkpoint


def _announce(
    actor: Actor,
    request: ExportRequest,
    record: dict[str, Any],
    hashes: dict[str, Any],
) -> None:
    # This entry travels with the copy; who ordered it stands in the entry about the order.
    nameless = Redaction.PEOPLE in record["redactions"]
    with audited():
        append(
            actor=system_actor("exports") if nameless else actor,
            action=Action.EXPORT_CREATED,
            subject=f"reports.export:{request.pk}",
            case_id=request.case_id,
            payload={
                **hashes,
                "exhibits": [entry["id"] for entry in record["exhibits"]],
                "removals": record["redactions"],
            },
        )


def _pack(
    request: ExportRequest,
    folder: Path,
    parts: Path,
    record: dict[str, Any],
    originals: Sequence[tuple[Exhibit, bag.Reference]],
) -> _Made:
    """Store what is new, and hash the whole archive as it will leave."""
    label = f"bundle-{request.case.number}"
    own = bag.members(folder, label)
    with parts.open("wb") as sink:
        for block in zip_stream.stream(own):
            sink.write(block)
    listed = [files.original_entry(label, exhibit, found) for exhibit, found in originals]
    whole = files.in_order([*own, *map(files.original_member, listed)])
    digest = hashlib.sha256()
    for block in zip_stream.stream(whole):
        digest.update(block)
    record_progress(request=request, percent=95)
    return _Made(
        sha256=digest.hexdigest(),
        size=zip_stream.total_size(whole),
        storage_key=artefact_store().put(
            parts, bag.file_hash(parts, "sha256"), STORE_FOLDER, final=True
        ),
        selection=record["selection"],
        originals=listed,
    )


def _store(actor: Actor, request: ExportRequest, made: _Made) -> Export | None:
    """Write the export's row and end the order; None when another attempt has taken over."""
    kind = ExportKind(request.kind)
    mime_type, suffix = {
        ExportKind.REPORT_PDF: ("application/pdf", "pdf"),
        ExportKind.REPORT_HTML: ("text/html", "html"),
    }.get(kind, ("application/zip", "zip"))
    number, short = request.case.number, str(request.pk)[:8]
    export = Export(
        id=request.pk,
        kind=kind,
        case=request.case,
        analysis=request.analysis,
        filename=f"{number}-{kind.value.replace('_', '-')}-{short}.{suffix}",
        mime_type=mime_type,
        sha256=made.sha256,
        size=made.size,
        storage_key=made.storage_key,
        originals=made.originals,
        selection=made.selection,
        purpose=request.purpose,
        created_by_kind=actor.kind,
        created_by_id=actor.id,
        created_by_label=actor.label,
    )
    with audited():
        mine = ExportRequest.objects.select_for_update().filter(
            pk=request.pk, status=RequestStatus.RUNNING, attempt=request.attempt
        )
        current = mine.first()
        if current is None:
            return None
        export.full_clean()
        export.save(force_insert=True)
        current.status, current.percent = RequestStatus.READY, 100
        current.finished_at, current.export = timezone.now(), export
        current.save()
        append(
            actor=actor,
            action=Action.REPORT_CREATED if request.analysis else Action.EXPORT_STORED,
            subject=export,
            case_id=request.case_id,
            payload={"kind": kind.value, "sha256": made.sha256, "size": made.size},
        )
        _tell(request, actor, NotificationKind.FINISHED, f"{export.filename} is ready.")
    return export


def _give_up(request: ExportRequest, actor: Actor, code: str, message: str) -> None:
    fail(request=request, actor=actor, code=code, message=message)
    what = f"{request.get_kind_display()} of case {request.case.number}"
    _tell(request, actor, NotificationKind.FAILED, f"{what} could not be made: {message}")


def _tell(request: ExportRequest, actor: Actor, kind: NotificationKind, text: str) -> None:
    if actor.user is not None:
        notify(recipients=[actor.user], kind=kind, text=text, case=request.case)


def _chosen(actor: Actor, request: ExportRequest) -> list[Exhibit]:
    rows = case_selectors.exhibits_of(actor, request.case)
    if request.exhibits is not None:
        rows = rows.filter(pk__in=request.exhibits)
    chosen = list(rows)
    if not chosen:
        raise ReportRefused("no_exhibits", "There is no exhibit left that you may export.")
    return chosen


def _finished(actor: Actor, exhibits: Sequence[Exhibit]) -> list[Analysis]:
    rows = detection_selectors.analyses_for(actor).filter(
        exhibit__in=exhibits, status__in=[AnalysisStatus.COMPLETE, AnalysisStatus.FAILED]
    )
    return list(rows.order_by("exhibit__number", "created_at"))


def _selection(exhibits: Sequence[Exhibit], *, everything: bool) -> str:
    labels = ", ".join(exhibit.label for exhibit in exhibits)
    scope = "all exhibits of the case" if everything else "chosen exhibits"
    return f"{scope} ({labels}) with their finished analyses"


_MAKERS = {
    ExportKind.REPORT_PDF: _report,
    ExportKind.REPORT_HTML: _report,
    ExportKind.BUNDLE: _bundle,
    ExportKind.REDACTED_BUNDLE: _bundle,
}
