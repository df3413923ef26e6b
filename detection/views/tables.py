"""Tables of analyses as files, and queueing many at once: shared by the pages of a case."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from accounts.actors import Actor
from accounts.errors import QuotaExceeded
from cases.models import Exhibit
from detection import services
from detection.errors import DetectionError
from detection.forms import SettingsForm
from detection.models import Analysis
from detection.selectors import findings_for


def csv_response(
    name: str, header: Sequence[str], rows: Iterable[Sequence[object]]
) -> HttpResponse:
    """A download; None becomes an empty cell, and no text is taken for a formula."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    table = csv.writer(response)
    table.writerow(header)
    table.writerows([_cell(value) for value in row] for row in rows)
    return response


def _cell(value: object) -> object:
    if isinstance(value, str) and value[:1] in tuple("=+-@\t\r"):
        return f"'{value}"
    return "" if value is None else value


def findings_by_run(actor: Actor, runs: Iterable[Analysis]) -> dict[Any, Any]:
    """The visible findings of ``runs`` by analysis, without their long results."""
    rows = findings_for(actor).filter(analysis__in=list(runs)).defer("result")
    return {finding.analysis_id: finding for finding in rows}


def queue_each(
    request: HttpRequest, actor: Actor, exhibits: Iterable[Exhibit], form: SettingsForm
) -> list[Analysis]:
    """Queue an analysis of each exhibit with the settings of the valid ``form``.

    A refused exhibit is told and does not stop the others; a used-up quota stops them all.
    """
    queued: list[Analysis] = []
    for exhibit in exhibits:
        try:
            queued.append(
                services.submit_analysis(
                    actor=actor,
                    exhibit=exhibit,
                    profile=form.cleaned_data["profile"],
                    parameters=form.parameters(),
                )
            )
        except DetectionError as refusal:
            messages.error(request, f"{exhibit.label}: {refusal.message}")
        except QuotaExceeded as refusal:
            messages.error(request, refusal.message)
            break
    return queued


def whole_numbers(values: Iterable[str]) -> list[int]:
    """Those of ``values`` that are written as whole numbers."""
    return [int(value) for value in values if value.isascii() and value.isdigit()]
