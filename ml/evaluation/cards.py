"""Write the measured figures into the model cards: ``python -m ml evaluate cards``.

A card is prose with one marked block; the block is filled from the registry and from
``docs/evaluation``, so that no figure in a card is ever typed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ml.evaluation.held_out import LEFT_OUT
from ml.evaluation.reports import read_report
from ml.weights.registry import WeightEntry, WeightRegistry

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
_BLOCK = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)


def refresh(registry: WeightRegistry, docs: Path) -> list[str]:
    """Fill the block of every card that has one; the names of the cards written. ``docs`` is the
    folder that holds ``docs/evaluation``."""
    written = []
    for name in registry.names():
        card = registry.folder / "cards" / f"{name}.md"
        if card.exists():
            card.write_text(filled(card.read_text("utf-8"), registry.entry(name), docs), "utf-8")
            written.append(name)
    return written


def filled(text: str, entry: WeightEntry, docs: Path) -> str:
    """The card ``text`` with the present block between its marks."""
    block = f"{BEGIN}\n{block_of(entry, docs)}\n{END}"
    return _BLOCK.sub(lambda _: block, text)


def block_of(entry: WeightEntry, docs: Path) -> str:
    """What the registry says of one weight and every set it was measured on, as Markdown."""
    lines = [
        f"- file `{entry.file}`, SHA-256 `{entry.sha256}`, {entry.dtype}",
        f"- label polarity: {entry.label_polarity}",
        f"- preprocessing: {', '.join(f'{k} {v}' for k, v in entry.preprocessing.items())}",
        f"- initialisation: {entry.initialisation}",
        f"- training data: {entry.training_data}",
        f"- licence: {entry.licence}",
        f"- validated domain: {entry.validated_domain}",
        f"- not validated for: {entry.not_validated_for}",
    ]
    files = [name for name in (entry.measured, entry.video_measured) if name]
    measured = [line for name in files for line in report_lines(entry, read_report(docs / name))]
    return "\n".join([*lines, *(measured or ["", "Not measured yet."])])


def report_lines(entry: WeightEntry, report: Mapping[str, Any]) -> list[str]:
    """Every set of one report that the weight was measured on; nothing where there is none."""
    weight = report["weights"].get(entry.name)
    if weight is None:
        return []
    lines = ["", f"Measured by `{report['command']}`; intervals {report['interval']}."]
    if weight["sha256"] != entry.sha256:
        lines += ["", "**These figures are of another version of the file.**"]
    for figures in weight["sets"]:
        lines += ["", *set_lines(figures)]
    return lines


def set_lines(figures: Mapping[str, Any]) -> list[str]:
    """One measured set as a heading, its rates and a table of groups."""
    if "auc" not in figures:
        return [f"### {figures['name']} ({figures['clips']} clips)", "", lag_line(figures)]
    low, high = figures["auc_ci"]
    return [
        f"### {figures['name']} ({figures['n_real']} real, {figures['n_fake']} fake)",
        "",
        *origin_lines(figures),
        f"AUC {figures['auc']:.3f} [{low:.3f}, {high:.3f}], equal error rate "
        f"{percent(figures['eer'])}; at {figures['threshold']}: real called fake "
        f"{percent(figures['fpr'])}, fake called real {percent(figures['fnr'])}.",
        *verdict_lines(figures),
        "",
        "| group | n | wrong | 95 % interval |",
        "|---|---|---|---|",
        *(
            f"| {group['name']} | {group['n']} | {percent(group['error'])} "
            f"| {between(group['ci'])} |"
            for group in [*figures["by_generator"], *figures["by_corpus"]]
        ),
    ]


def lag_line(figures: Mapping[str, Any]) -> str:
    """How often a moved sound was found where it was moved to."""
    if figures["within_one_frame"] is None or figures["shift_recovered"] is None:
        return "Not measured: no trials."
    return (
        "Lag of sound behind lips found within one frame, each recording taken to be in step: "
        f"{percent(figures['within_one_frame'])} of {figures['n']} trials "
        f"(95 % interval {between(figures['ci'])}). Known shift found within one frame, against "
        f"the same recording unmoved: {percent(figures['shift_recovered'])} of {figures['moved']} "
        f"({between(figures['shift_recovered_ci'])})."
    )


def origin_lines(figures: Mapping[str, Any]) -> list[str]:
    """Where the scores come from if not from the command of the report."""
    if not figures["name"].startswith(LEFT_OUT):
        return []
    return ["Scores that the trainings left for the sources held out of them (`--folds`)."]


def verdict_lines(figures: Mapping[str, Any]) -> list[str]:
    """Verdicts at the limits of the standard profile; nothing before calibration."""
    verdicts = figures.get("verdicts")
    if verdicts is None:
        return []
    real, fake = verdicts["real"], verdicts["fake"]
    return [
        "Verdicts at the limits of the standard profile: "
        f"FAKE for {percent(real['FAKE'])} of the real and {percent(fake['FAKE'])} of the fake, "
        f"REAL for {percent(real['REAL'])} and {percent(fake['REAL'])}."
    ]


def percent(share: float) -> str:
    """A share with one decimal."""
    return f"{100 * share:.1f} %"


def between(interval: Sequence[float]) -> str:
    """An interval of shares."""
    low, high = interval
    return f"{100 * low:.1f} to {percent(high)}"
