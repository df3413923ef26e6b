"""Write the measured figures into the model cards: ``python -m ml evaluate cards``.

A card is prose with one marked block; the block is filled from ``docs/evaluation``, so that no
figure in a card is ever typed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.weights.registry import WeightEntry, WeightRegistry

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
_BLOCK = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)


def refresh(registry: WeightRegistry, docs: Path) -> list[str]:
    """Fill the block of every card that has one; the names of the cards written. ``docs`` is the
    folder that holds ``docs/evaluation``."""
    written = []
    for name in registry.names():
        card = registry.folder / "cards" / f"{name}.md"
        if not card.exists():
            continue
        text = card.read_text("utf-8")
        block = f"{BEGIN}\n{block_of(registry.entry(name), docs)}\n{END}"
        # A replacement text would have its backslashes read as group references.
        card.write_text(_BLOCK.sub(block.replace("\\", r"\\"), text), "utf-8")
        written.append(name)
    return written


def block_of(entry: WeightEntry, docs: Path) -> str:
    """Hash, preprocessing, polarity and every measured set of one weight, as Markdown."""
    lines = [
        f"- file `{entry.file}`, SHA-256 `{entry.sha256}`, {entry.dtype}",
        f"- label polarity: {entry.label_polarity}",
        f"- preprocessing: {', '.join(f'{k} {v}' for k, v in entry.preprocessing.items())}",
    ]
    measured = docs / entry.measured
    if not entry.measured or not measured.exists():
        return "\n".join([*lines, "", "Not measured yet."])
    report = json.loads(measured.read_text("utf-8"))
    weight = report["weights"].get(entry.name)
    if weight is None:
        return "\n".join([*lines, "", "Not measured yet."])
    lines += ["", f"Measured by `{report['command']}`; intervals {report['interval']}."]
    if weight["sha256"] != entry.sha256:
        lines += ["", "**These figures are of another version of the file.**"]
    for figures in weight["sets"]:
        lines += ["", *set_lines(figures)]
    return "\n".join(lines)


def verdict_lines(figures: Mapping[str, Any]) -> list[str]:
    """What the standard profile says about the set; nothing before calibration."""
    verdicts = figures.get("verdicts")
    if verdicts is None:
        return []
    real, fake = verdicts["real"], verdicts["fake"]
    return [
        f"Verdicts of the standard profile: FAKE for {100 * real['FAKE']:.1f} % of the real and "
        f"{100 * fake['FAKE']:.1f} % of the fake, REAL for {100 * real['REAL']:.1f} % and "
        f"{100 * fake['REAL']:.1f} %."
    ]


def set_lines(figures: Mapping[str, Any]) -> list[str]:
    """One measured set as a heading, its rates and a table of groups."""
    if "auc" not in figures:
        rates = ", ".join(f"{k} {v}" for k, v in figures.items() if k != "name")
        return [f"### {figures['name']}", "", rates]
    low, high = figures["auc_ci"]
    lines = [
        f"### {figures['name']} ({figures['n_real']} real, {figures['n_fake']} fake)",
        "",
        f"AUC {figures['auc']:.3f} [{low:.3f}, {high:.3f}], equal error rate "
        f"{100 * figures['eer']:.1f} %; at {figures['threshold']}: real called fake "
        f"{100 * figures['fpr']:.1f} %, fake called real {100 * figures['fnr']:.1f} %.",
        *verdict_lines(figures),
        "",
        "| group | n | wrong | 95 % interval |",
        "|---|---|---|---|",
    ]
    for group in [*figures["by_generator"], *figures["by_corpus"]]:
        low, high = group["ci"]
        lines.append(
            f"| {group['name']} | {group['n']} | {100 * group['error']:.1f} % "
            f"| {100 * low:.1f} to {100 * high:.1f} % |"
        )
    return lines
