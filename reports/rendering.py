"""The report as HTML and PDF, drawn from an extract and the derived files beside it."""

from __future__ import annotations

import base64
import json
import uuid
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string
from django.utils import translation

from audit.timestamps import TimeStamp
from detection.models import Artefact
from detection.views.finding import finding_page
from ml.fusion.verbal import verbal_table
from ml.result import AnalysisResult
from reports.errors import PdfUnavailable
from reports.signing import signed

TEMPLATE = "reports/report.html"
LIBRARIES = (
    "The PDF cannot be drawn: WeasyPrint does not find the system library Pango "
    "({reason}). On Debian: apt-get install libpango-1.0-0 libpangoft2-1.0-0. "
    "The HTML report needs nothing."
)


def report_html(
    record: dict[str, Any],
    run_id: str,
    text: str,
    folder: Path,
    *,
    checkpoint: str = "",
    time_stamp: TimeStamp | None = None,
) -> str:
    """One self-contained HTML page on the run ``run_id`` of the extract ``record``.

    ``text`` is the run's result; ``folder`` holds the extract's files under their names;
    ``checkpoint`` is the signed note that covers the ledger, empty where the ledger's slice lies
    beside the report; ``time_stamp`` is what an authority said of it.
    """
    run = next(run for run in record["analyses"] if run["id"] == run_id)
    result = AnalysisResult.from_json(text)
    exhibit = next(e for e in record["exhibits"] if e["label"] == run["exhibit"])
    pictures = {a["id"]: _data_uri(folder, a) for a in run["artefacts"] if a["file"]}
    page = finding_page(result, [_artefact(a) for a in run["artefacts"] if a["id"] in pictures])
    used = {branch.weights_sha256 for branch in result.branches if branch.weights_sha256}
    context = {
        "record": record,
        "case": record["case"],
        "run": run,
        "exhibit": exhibit,
        "page": page,
        "result": result,
        "decision": result.decision,
        "faces": [_face(card, pictures) for card in page.faces[:12]],
        "other_pictures": [
            {"uri": pictures[str(a.pk)], "caption": a.caption or a.name, "t": a.t}
            for a in page.pictures[:8]
        ],
        "verbal": verbal_table(),
        "models": [model for model in record["models"] if model["sha256"] in used],
        "custody": [event for event in record["custody"] if event["exhibit"] == run["exhibit"]],
        "checkpoint": checkpoint,
        "time_stamp": time_stamp,
        "packages": sorted(result.provenance.packages.items()),
        "parameters": json.dumps(result.provenance.parameters, sort_keys=True),
    }
    # A report reads the same whoever makes it; times are UTC.
    with translation.override("en"):
        return render_to_string(TEMPLATE, context)


def pdf(html: str) -> bytes:
    """``html`` as PDF, signed where a certificate is configured.

    Raises PdfUnavailable, in words, where Pango is not installed, ReportRefused when the PDF
    should be signed and cannot be.
    """
    try:
        import weasyprint
    except OSError as error:
        raise PdfUnavailable("pdf_unavailable", LIBRARIES.format(reason=error)) from error
    # Nothing is fetched: a report shows only what it carries inside.
    inside_only = weasyprint.urls.URLFetcher(allowed_protocols=("data",), fail_on_errors=True)
    document: bytes = weasyprint.HTML(string=html, url_fetcher=inside_only).write_pdf()
    return signed(document)


def _data_uri(folder: Path, artefact: dict[str, Any]) -> str:
    content = base64.b64encode((folder / artefact["file"]).read_bytes()).decode()
    return f"data:{artefact['mime_type']};base64,{content}"


def _artefact(entry: dict[str, Any]) -> Artefact:
    """The extract's entry as the object the finding page arranges; never saved."""
    fields = {key: value for key, value in entry.items() if key not in ("id", "file")}
    return Artefact(id=uuid.UUID(entry["id"]), **fields)


def _face(card: Any, pictures: dict[str, str]) -> dict[str, Any]:
    return {
        "thumbnail": pictures[str(card.thumbnail.pk)],
        "heatmaps": [pictures[str(heatmap.pk)] for heatmap in card.heatmaps[:1]],
        "t": card.thumbnail.t,
        "track": card.thumbnail.track,
        "logit": card.logit,
        "producers": [heatmap.producer for heatmap in card.heatmaps[:1]],
    }
