"""``manage.py rerun ANALYSIS``: repeat an analysis on the worker and compare the two findings."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.actors import system_actor
from detection.comparison import TOLERANCE, Comparison, Sameness
from detection.errors import DetectionError
from detection.models import Analysis
from detection.services import compare_runs, rerun_analysis

POLL_S = 0.5


class Command(BaseCommand):
    help = (
        "Repeats an analysis and says whether the finding is identical, within the tolerance or "
        "different, and why. Exit status 1: different."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("analysis", help="id of a complete analysis")
        parser.add_argument("--tolerance", type=float, default=TOLERANCE)
        parser.add_argument("--patience", type=float, default=3600, help="seconds to wait")

    def handle(self, *_: Any, **options: Any) -> None:
        actor = system_actor("rerun")
        first = _analysis(options["analysis"])
        try:
            second = rerun_analysis(actor=actor, analysis=first)
            self.stdout.write(f"{second.pk} submitted")
            _wait(second, options["patience"])
            comparison = compare_runs(
                actor=actor, first=first, second=second, tolerance=options["tolerance"]
            )
        except DetectionError as error:
            raise CommandError(error.message) from error
        self._say(comparison)
        if comparison.sameness == Sameness.DIFFERENT:
            raise CommandError("the findings differ", returncode=1)

    def _say(self, comparison: Comparison) -> None:
        self.stdout.write(
            f"{comparison.sameness}; largest difference {comparison.largest_delta:.2e}, "
            f"tolerance {comparison.tolerance:g}"
        )
        for item in comparison.differences:
            self.stdout.write(f"  {item.where}: {item.first} / {item.second}")
        for reason in comparison.reasons:
            self.stdout.write(f"  {reason}")


def _analysis(key: str) -> Analysis:
    try:
        analysis: Analysis = Analysis.objects.select_related("exhibit__case").get(pk=key)
    except (Analysis.DoesNotExist, ValidationError) as error:
        raise CommandError(f"There is no analysis {key}.") from error
    return analysis


def _wait(analysis: Analysis, patience: float) -> None:
    """Until the analysis is complete; CommandError when it fails or takes too long."""
    deadline = time.monotonic() + patience
    while not analysis.is_finished:
        if time.monotonic() > deadline:
            raise CommandError(
                f"{analysis.pk} is still {analysis.status} after {patience:g} s. Is an inference "
                "worker running? Compare later with the API."
            )
        time.sleep(POLL_S)
        analysis.refresh_from_db()
    if analysis.error_message:
        raise CommandError(f"{analysis.pk} {analysis.status}: {analysis.error_message}")
