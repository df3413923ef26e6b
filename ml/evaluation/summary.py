"""All reports on one page: ``table.csv``, ``table.json`` and ``README.md`` of ``docs/evaluation``.

Nothing here is measured; every number is read from the reports.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ml.evaluation.held_out import LEAST_PER_CLASS, ON_THIS_SET
from ml.evaluation.plots import slug
from ml.evaluation.reports import read_report, save

REPORTS = ("audio", "image", "video", "sync")
GOALS = Path(__file__).parent / "goals.toml"
COLUMNS = (
    "report", "detector", "set", "n", "n_real", "n_fake", "auc", "auc_low", "auc_high",
    "auc_within_mean", "auc_within_least", "eer",
    "eer_low", "eer_high", "min_dcf", "act_dcf", "threshold", "fpr", "fnr", "accuracy",
    "balanced_accuracy", "precision", "recall", "f1", "cllr", "cllr_min", "calibration_loss",
    "brier", "ece", "risk_at_100", "risk_at_80", "risk_kept", "aurc", "coverage_at_5",
    "worst_corpus",
    "real_called_fake", "real_called_real", "fake_called_fake", "fake_called_real",
    "within_one_frame", "moved", "shift_recovered",
)  # fmt: skip
INTRODUCTION = f"""# Measured figures

Written by `python -m ml evaluate all --data DATA`; `--from-scores` makes this page, the tables and
the pictures again from the scores beside it. Sets named *leave-source-out* are not scored by that
command: their scores (`*_folds.csv`) are those that the trainings left for the sources held out of
them, taken in with `--folds`. Each report (`audio.json` …) holds every figure with its interval,
its n and the errors by generator and corpus; the CSV files hold one line a recording.

How to read it: EER is the equal error rate. Cllr is the cost of the likelihood ratios in bits
(0 perfect, 1 no information) and Cllr_min what is left after the best monotone recalibration.
"Risk" is the share of wrong answers when only the most certain 80 % of the recordings, or all, are
answered. "Called FAKE" counts verdicts at the limits of the standard profile: ratios of 1/2 to 2
are INCONCLUSIVE; "worst corpus rejected" and the goals count every ratio above 1. `min_dcf` and
`act_dcf` of `table.csv` are the detection cost of ASVspoof 5, at the best threshold and at a ratio
of 190, which its prior and costs ask for: 1 where no ratio gets as far. Without a calibrator the
threshold is the equal error threshold of the set itself, which flatters.

Sets named *leave-source-out* and *clips* were fitted on: their likelihood ratios come from
calibrators fitted again without the source, a kind of forgery among all kinds. Where fewer than
{LEAST_PER_CLASS} recordings of a class are left for that, `threshold` in `table.csv` says
"{ON_THIS_SET}". *finding* is what an analysis states about a whole clip from its
sound and its picture, within the bounds it ships with, for which these clips were used.

The calibrator for photographs is fitted on *leave-source-out*, and some pictures of *dev* and of
both sets of *blending* lie there too (scored by networks that never saw their source). AUC and EER
do not depend on that; Cllr, risk, verdicts and every share at ln LR > 0 do.

The networks over time (resnext_lstm, temporal_bilstm) learnt from the real ones of *clips* and from
forgeries of them: of their figures only *leave-source-out* is about clips never trained on.
"""


def write(out: Path) -> None:
    """Write table and page from the reports that lie in ``out``."""
    rows = list(table_rows(out))
    with (out / "table.csv").open("w", encoding="utf-8", newline="") as stream:
        lines = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        lines.writeheader()
        lines.writerows({key: _rounded(row.get(key)) for key in COLUMNS} for row in rows)
    goals = judged_goals(rows)
    save({"goals": goals, "sets": rows}, out / "table.json")
    (out / "README.md").write_text(page(rows, goals, out), encoding="utf-8")


def table_rows(out: Path) -> Iterator[dict[str, Any]]:
    """One flat row for each detector and set of every report."""
    for report in REPORTS:
        for detector, entry in read_report(out / f"{report}.json")["weights"].items():
            for figures in entry["sets"]:
                yield {"report": report, "detector": detector, **flat(figures)}


def flat(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures of a set without nesting, and those that follow from them."""
    row = {"set": figures["name"], **{k: v for k, v in figures.items() if k in COLUMNS}}
    for measure in ("auc", "eer"):
        if f"{measure}_ci" in figures:
            row[f"{measure}_low"], row[f"{measure}_high"] = figures[f"{measure}_ci"]
    if inside := figures.get("auc_within"):
        row |= {"auc_within_mean": inside["mean"], "auc_within_least": inside["least"]}
    if "cllr" in figures:
        row["calibration_loss"] = figures["cllr"] - figures["cllr_min"]
    if abstention := figures.get("abstention"):
        row |= abstention
        whole = abstention["risk_at_100"]
        row["risk_kept"] = abstention["risk_at_80"] / whole if whole else 0.0
    for truth, shares in figures.get("verdicts", {}).items():
        row |= {f"{truth}_called_{said.lower()}": shares[said] for said in ("REAL", "FAKE")}
    if corpora := figures.get("by_corpus"):
        row["worst_corpus"] = max(group["error"] for group in corpora)
    return row


def judged_goals(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each goal with the figure of the detector it names or of the set's best for casework (the
    fusion, else the first that is calibrated, else the first), and how many recordings that
    figure is over."""
    found = []
    for goal in tomllib.loads(GOALS.read_text("utf-8"))["goal"]:
        named = {key: goal[key] for key in ("report", "set", "detector") if key in goal}
        own = [row for row in rows if named.items() <= row.items()]
        row = next((r for r in own if "+" in r["detector"]), None)
        row = row or next((r for r in own if r.get("cllr") is not None), own[0] if own else {})
        value = row.get(goal["figure"])
        reached = None
        if value is not None:
            reached = value <= goal["most"] if "most" in goal else value >= goal["least"]
        found.append(
            goal | {"detector": row.get("detector", goal.get("detector", ""))}
            | {"n": row.get(goal.get("count", "n"))}
            | {"value": value, "reached": reached}
        )  # fmt: skip
    return found


def page(rows: list[dict[str, Any]], goals: list[dict[str, Any]], out: Path) -> str:
    """The page as Markdown."""
    lines = [INTRODUCTION, "## Goals", ""]
    lines += ["| what | detector, set | n | goal | measured | |", "|---|---|---|---|---|---|"]
    lines += [goal_line(goal) for goal in goals]
    lines += ["", "## Every detector on every set", "", table_head(), *map(table_line, rows)]
    for report in REPORTS:
        names = list(dict.fromkeys(row["set"] for row in rows if row["report"] == report))
        for name in names:
            stem = f"figures/{report}-{slug(name)}"
            if (out / f"{stem}.svg").exists():
                lines += ["", f"## {report}: {name}", "", f"![curves]({stem}.svg)"]
                lines += ["", f"![errors by generator and corpus]({stem}-groups.svg)"]
    return "\n".join(lines) + "\n"


def goal_line(goal: dict[str, Any]) -> str:
    """One row of the table of goals."""
    bound = f"≤ {goal['most']:.2f}" if "most" in goal else f"≥ {goal['least']:.2f}"
    value = "not measured" if goal["value"] is None else f"{goal['value']:.3f}"
    reached = {None: "", True: "reached", False: "**not reached**"}[goal["reached"]]
    where = f"{goal['detector'] or goal['report']}, {goal['set']}"
    return f"| {goal['words']} | {where} | {goal['n'] or ''} | {bound} | {value} | {reached} |"


def table_head() -> str:
    """Heading of the table of sets."""
    return (
        "| detector | set | real / fake | EER (95 %) | AUC (95 %) | Cllr | Cllr_min "
        "| risk at 80 % / 100 % | worst corpus rejected | called FAKE: real / fake "
        "| called REAL: real / fake |\n|---|---|---|---|---|---|---|---|---|---|---|"
    )


def table_line(row: dict[str, Any]) -> str:
    """One row of the table of sets."""
    if row.get("eer") is None:
        share, moved = row.get("within_one_frame"), row.get("shift_recovered")
        words = "not measured" if share is None else f"lag within one frame {share:.1%}"
        words += "" if moved is None else f", known shift {moved:.1%} of {row['moved']}"
        return f"| {row['detector']} | {row['set']} | {row['n']} trials | {words} | | | | | | | |"
    cells = [
        row["detector"],
        row["set"],
        f"{row['n_real']} / {row['n_fake']}",
        f"{row['eer']:.1%} ({row['eer_low']:.1%} to {row['eer_high']:.1%})",
        f"{row['auc']:.3f} ({row['auc_low']:.3f} to {row['auc_high']:.3f})",
        _number(row.get("cllr")),
        _number(row.get("cllr_min")),
        f"{row['risk_at_80']:.1%} / {row['risk_at_100']:.1%}" if "risk_at_80" in row else "–",
        f"{row['worst_corpus']:.1%}",
        _pair(row, "fake"),
        _pair(row, "real"),
    ]
    return "| " + " | ".join(cells) + " |"


def _pair(row: dict[str, Any], said: str) -> str:
    real, fake = row.get(f"real_called_{said}"), row.get(f"fake_called_{said}")
    return "–" if real is None or fake is None else f"{real:.1%} / {fake:.1%}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _rounded(value: Any) -> Any:
    return f"{value:.6f}" if isinstance(value, float) else value
