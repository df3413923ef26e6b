"""One evaluation from end to end: score or read back scores, make the report, draw it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from ml.evaluation import audio, finding, image, plots, video
from ml.evaluation.held_out import LEFT_OUT
from ml.evaluation.reports import detectors, read_report, write_report
from ml.evaluation.scored import Scored, read_scores, write_scores
from ml.evaluation.store import ScoreStore
from ml.weights.registry import WeightRegistry

Scorer = Callable[[Path, WeightRegistry, ScoreStore, int], dict[str, list[Scored]]]
SCORERS: dict[str, Scorer] = {"audio": audio.score, "image": image.score, "video": video.score}
BRANCHES = {"audio": audio.branches, "image": image.branches, "video": video.branches}
# Forgeries this project makes itself, and composites of a public set; all others of the pictures
# are whole-face synthesis.
OWN_BLENDING = ("blend", "self-blend", "swap", "poisson-swap")
COMPOSITES = ("photoshop-composite",)


def evaluate(
    what: str, data: Path | None, out: Path, registry: WeightRegistry, store: ScoreStore, limit: int
) -> dict[str, Any]:
    """Write scores (with ``data``), report and pictures of ``what`` into ``out``; without
    ``data`` report and pictures are made of the scores that lie there.
    Raises WeightsError, MediaError, CalibrationError, FileNotFoundError."""
    out.mkdir(parents=True, exist_ok=True)
    names = BRANCHES[what](registry)
    if data is not None:
        for name, rows in SCORERS[what](data, registry, store, limit).items():
            keep(what, name, rows, out)
    scored = stored(what, names, out)
    heard = {name: scored.pop(name) for name in names if _heard(what, name) and name in scored}
    found = detectors(scored, registry, hashes(what, names, out, registry, data))
    if heard and (whole := finding.of_clips(found, heard, registry)):
        found.append(whole)
    plots.draw(what, found, out / "figures")
    return write_report(what, found, out)


def _heard(what: str, branch: str) -> bool:
    """Whether the branch hears the clips: the sound of a forged clip may be genuine, so it is
    judged within the finding alone."""
    return what == "video" and video.listens(branch)


def hashes(
    what: str, names: Sequence[str], out: Path, registry: WeightRegistry, data: Path | None
) -> dict[str, str]:
    """The weights each branch's scores were made with: the present ones after scoring, those of
    the last report when scores are only read back."""
    current = {name: registry.entry(name).sha256 for name in names}
    if data is not None:
        return current
    last = read_report(out / f"{what}.json")["weights"]
    return {name: last.get(name, {}).get("sha256", current[name]) for name in names}


def file_of(what: str, branch: str, part: str) -> str:
    """The name of the file that holds the scores of one branch on one set."""
    left_out = part.startswith(LEFT_OUT)
    if what == "audio":
        return f"{branch}_folds.csv" if left_out else f"{branch}_scores.csv"
    if not left_out:
        return f"{what}_scores_{branch}.csv"
    first = {"image": "xception", "video": "resnext_lstm"}[what]
    return f"{what}_folds.csv" if branch == first else f"{what}_folds_{branch}.csv"


def keep(what: str, branch: str, rows: Sequence[Scored], out: Path) -> None:
    """Write the rows of each set into its file, in place of what was there."""
    files: dict[str, list[Scored]] = {}
    for row in rows:
        files.setdefault(file_of(what, branch, row.part), []).append(row)
    for file, own in files.items():
        write_scores(own, out / file)


def stored(what: str, names: Sequence[str], out: Path) -> dict[str, list[Scored]]:
    """The scores that lie in ``out``, by branch."""
    scored = {}
    for name in names:
        files = dict.fromkeys(file_of(what, name, p) for p in ("test", LEFT_OUT))
        rows = [row for file in files for row in read_scores(out / file)]
        if rows:
            scored[name] = rows + by_kind(rows) if what == "image" else rows
    return scored


def kind_of(method: str) -> str:
    """What kind of forgery a picture's method is."""
    if method in COMPOSITES:
        return "composites"
    return "own blending" if method in OWN_BLENDING else "whole-face synthesis"


def by_kind(rows: Sequence[Scored]) -> list[Scored]:
    """The leave-source-out pictures again as one set for each kind of forgery, each with all real
    photographs; none when there is only one kind."""
    left_out = [row for row in rows if row.part == LEFT_OUT]
    kinds = dict.fromkeys(kind_of(row.method) for row in left_out if row.fake)
    if len(kinds) < 2:
        return []
    return [
        replace(row, part=f"{LEFT_OUT}, {kind}")
        for kind in kinds
        for row in left_out
        if not row.fake or kind_of(row.method) == kind
    ]


def take_folds(what: str, given: Mapping[str, Sequence[Path]], out: Path) -> None:
    """Keep the scores that trainings left for the sources held out of them (``scores.csv`` in
    their folders), one branch's files together. Raises FileNotFoundError."""
    out.mkdir(parents=True, exist_ok=True)
    for branch, files in given.items():
        for file in files:
            if not file.is_file():
                raise FileNotFoundError(f"no scores at {file}")
        rows = [row for file in files for row in read_scores(file)]
        write_scores(averaged(rows), out / file_of(what, branch, LEFT_OUT))


def averaged(rows: Sequence[Scored]) -> list[Scored]:
    """One row for each recording of a set; one that several folds scored gets their mean."""
    logits: dict[tuple[str, str, bool], list[float]] = {}
    first: dict[tuple[str, str, bool], Scored] = {}
    for row in rows:
        part = row.part if row.part.startswith(LEFT_OUT) else LEFT_OUT
        key = (part, row.path, row.fake)
        first.setdefault(key, replace(row, part=part))
        logits.setdefault(key, []).append(row.logit)
    return [replace(row, logit=fmean(logits[key])) for key, row in first.items()]
