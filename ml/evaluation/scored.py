"""Scored recordings, the same for sound, pictures and videos, and the figures of one set."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from scipy.special import expit

from ml.evaluation.metrics import (
    Floats,
    Labels,
    act_dcf,
    auc,
    brier,
    cllr,
    cllr_min,
    ece,
    eer,
    min_dcf,
    risk_coverage,
)
from ml.evaluation.rates import equal_error_threshold, interval, wilson
from ml.fusion.calibration import MIN_PER_CLASS, Calibrator
from ml.fusion.decision import verdict_of
from ml.parameters import Parameters
from ml.profiles.profile import STANDARD, load_profile
from ml.result import Verdict

COLUMNS = ("set", "path", "fake", "method", "source", "logit")
BY_RATIO = "ln LR > 0"
BY_EQUAL_RATE = "equal error rate of this set"


@dataclass(frozen=True)
class Scored:
    """One recording's score: ``part`` is the set it is reported in, ``method`` its generator or
    the kind of photograph or the corpus."""

    part: str
    path: str
    fake: bool
    method: str
    source: str
    logit: float


@dataclass(frozen=True)
class Measured:
    """One set as a detector answered it: ``llrs`` (N,) natural-log likelihood ratios or None
    before calibration, ``called`` (N,) whether FAKE was said, ``threshold`` that rule in words.
    """

    name: str
    rows: tuple[Scored, ...]
    llrs: Floats | None
    called: Labels
    threshold: str

    @property
    def logits(self) -> Floats:
        """Raw scores (N,)."""
        return np.array([row.logit for row in self.rows])

    @property
    def is_fake(self) -> Labels:
        """True labels (N,)."""
        return np.array([row.fake for row in self.rows], bool)

    @property
    def probabilities(self) -> Floats | None:
        """Probability of FAKE (N,) under the share of fakes in this very set."""
        if self.llrs is None:
            return None
        fake = int(self.is_fake.sum())
        return np.asarray(expit(self.llrs + np.log(fake / (len(self.rows) - fake))), np.float64)


def answered(name: str, rows: Sequence[Scored], calibrator: Calibrator | None) -> Measured:
    """``rows`` behind ``calibrator``: called fake when ln LR > 0. Without one the threshold is
    the equal error threshold of the set itself, which flatters and is named so."""
    logits: Floats = np.array([row.logit for row in rows])
    if calibrator is None:
        is_fake = np.array([row.fake for row in rows], bool)
        called = logits >= equal_error_threshold(logits, is_fake)
        return Measured(name, tuple(rows), None, called, BY_EQUAL_RATE)
    called = calibrator.raw(logits) > 0
    return Measured(name, tuple(rows), calibrator.llrs(logits), called, BY_RATIO)


def figures(name: str, rows: Sequence[Scored], calibrator: Calibrator | None) -> dict[str, Any]:
    """The table of ``answered(name, rows, calibrator)``."""
    return table(answered(name, rows, calibrator))


def table(measured: Measured) -> dict[str, Any]:
    """Rates with 95 % intervals and n; with likelihood ratios also their cost, calibration and
    what abstention buys. Raises ValueError when a class is missing."""
    scores, is_fake, called = measured.logits, measured.is_fake, measured.called
    hits, alarms = int((called & is_fake).sum()), int((called & ~is_fake).sum())
    n, n_fake = len(measured.rows), int(is_fake.sum())
    n_real = n - n_fake
    rates: dict[str, Any] = {
        "name": measured.name,
        "n": n,
        "n_real": n_real,
        "n_fake": n_fake,
        "auc": auc(scores, is_fake),
        "auc_ci": interval(auc, scores, is_fake),
        "eer": eer(scores, is_fake),
        "eer_ci": interval(eer, scores, is_fake),
        "min_dcf": min_dcf(scores, is_fake),
        "threshold": measured.threshold,
        "fpr": alarms / n_real,
        "fpr_ci": wilson(alarms, n_real),
        "fnr": (n_fake - hits) / n_fake,
        "fnr_ci": wilson(n_fake - hits, n_fake),
        "eer_threshold": equal_error_threshold(scores, is_fake),
        "confusion": {
            "fake_called_fake": hits,
            "fake_called_real": n_fake - hits,
            "real_called_fake": alarms,
            "real_called_real": n_real - alarms,
        },
        "accuracy": (hits + n_real - alarms) / n,
        "balanced_accuracy": (hits / n_fake + 1 - alarms / n_real) / 2,
        "precision": hits / (hits + alarms) if hits + alarms else None,
        "recall": hits / n_fake,
        "f1": 2 * hits / (hits + alarms + n_fake),
    }
    if measured.llrs is not None:
        rates |= evidence(measured)
    for key, fake in (("by_generator", True), ("by_corpus", False)):
        rates[key] = groups(measured, fake=fake)
    if (inside := within_sources(measured))["sources"]:
        rates["auc_within"] = inside
    return rates


def within_sources(measured: Measured) -> dict[str, Any]:
    """AUC of the forgeries of each source against its own real recordings, and their mean: what is
    left when nothing but the forgery differs. Sources that have one class only count as one;
    those with fewer than ``MIN_PER_CLASS`` of a class are left out."""
    sources = np.array([row.source for row in measured.rows])
    classes = {s: set(measured.is_fake[sources == s].tolist()) for s in np.unique(sources)}
    named = np.array([s if len(classes[s]) == 2 else "sources of one class" for s in sources])
    found: list[dict[str, Any]] = []
    for name in np.unique(named):
        own = named == name
        n_fake = int(measured.is_fake[own].sum())
        n_real = int(own.sum()) - n_fake
        if min(n_real, n_fake) >= MIN_PER_CLASS:
            area = auc(measured.logits[own], measured.is_fake[own])
            found.append({"source": str(name), "n_real": n_real, "n_fake": n_fake, "auc": area})
    mean = fmean(item["auc"] for item in found) if found else None
    return {"mean": mean, "least": min((i["auc"] for i in found), default=None), "sources": found}


def evidence(measured: Measured) -> dict[str, Any]:
    """What the likelihood ratios are worth: cost, calibration, and the risk when the least
    certain recordings are not answered."""
    llrs, is_fake = measured.llrs, measured.is_fake
    probabilities = measured.probabilities
    assert llrs is not None
    assert probabilities is not None
    curve = risk_coverage(llrs, is_fake)
    return {
        "cllr": cllr(llrs, is_fake),
        "cllr_ci": interval(cllr, llrs, is_fake),
        "cllr_min": cllr_min(llrs, is_fake),
        "act_dcf": act_dcf(llrs, is_fake),
        "brier": brier(probabilities, is_fake),
        "ece": ece(probabilities, is_fake),
        "verdicts": {
            "real": verdict_shares(llrs[~is_fake]),
            "fake": verdict_shares(llrs[is_fake]),
        },
        "abstention": {
            "risk_at_100": curve.risk_at(1.0),
            "risk_at_80": curve.risk_at(0.8),
            "aurc": curve.area,
            "coverage_at_5": curve.coverage_at(0.05),
        },
    }


def verdict_shares(llrs: Floats) -> dict[str, float]:
    """Share of each verdict that the standard profile gives to bounded ln LRs (N,)."""
    rule = load_profile(STANDARD).rule(Parameters())
    given = [verdict_of(float(llr), rule)[0] for llr in llrs]
    return {verdict.value: given.count(verdict) / len(given) for verdict in Verdict}


def groups(measured: Measured, *, fake: bool) -> list[dict[str, Any]]:
    """Errors of every generator (``fake``) or of every corpus of real recordings; a generator's
    AUC is against all real recordings of the set."""
    is_fake, scores = measured.is_fake, measured.logits
    methods = np.array([row.method for row in measured.rows])
    found = []
    for name in sorted(set(methods[is_fake == fake])):
        chosen = (is_fake == fake) & (methods == name)
        wrong = int((measured.called[chosen] != fake).sum())
        n = int(chosen.sum())
        group = {"name": str(name), "n": n, "error": wrong / n, "ci": wilson(wrong, n)}
        if fake:
            against = chosen | ~is_fake
            group["auc"] = auc(scores[against], is_fake[against])
        found.append(group)
    return found


def once(rows: Sequence[Scored]) -> list[Scored]:
    """Each recording once, with the mean of the logits of its versions: a clip that was written
    again is no second clip. Rows of one path, label and method are one recording."""
    versions: dict[tuple[str, bool, str], list[Scored]] = {}
    for row in rows:
        versions.setdefault((row.path, row.fake, row.method), []).append(row)
    return [replace(own[0], logit=fmean(row.logit for row in own)) for own in versions.values()]


def write_scores(rows: Sequence[Scored], path: Path) -> None:
    """One line a recording."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        lines = csv.writer(stream, lineterminator="\n")
        lines.writerow(COLUMNS)
        for row in rows:
            lines.writerow(
                [row.part, row.path, int(row.fake), row.method, row.source, f"{row.logit:.6f}"]
            )


def read_scores(path: Path) -> list[Scored]:
    """Inverse of ``write_scores``; no file is no scores."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return [
            Scored(
                row["set"],
                row["path"],
                row["fake"] == "1",
                row["method"],
                row["source"],
                float(row["logit"]),
            )
            for row in csv.DictReader(stream)
        ]
