"""Write the README's figures from docs/evaluation/table.json (``make figures``).

Needs no package: it runs before anything is installed.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
START, END = "<!-- figures: make figures -->", "<!-- end of figures -->"
HEADER = (
    "| detector | test set | recordings (fake) | EER (95 % interval) | AUC | Cllr "
    "| wrong when 80 % / all are answered | called FAKE: real / fake |\n"
    "|---|---|---|---|---|---|---|---|"
)
GOALS = "| goal | measured on | goal | measured |\n|---|---|---|---|"
PICTURES = (
    ("audio-test", "Speech of generators and sources never trained on"),
    ("audio-test-groups", "The same speech, wrong answers by generator and corpus"),
    ("image-leave-source-out-whole-face-synthesis", "Whole-face synthesis, each source left out"),
    ("video-clips", "Talking heads of unseen generators against real clips"),
)


def main() -> None:
    readme = ROOT / "README.md"
    readme.write_text(filled(readme.read_text()))


def filled(text: str) -> str:
    """``text`` with the present figures between the marks."""
    between = re.compile(f"{re.escape(START)}.*?{re.escape(END)}", re.DOTALL)
    return between.sub(lambda _: f"{START}\n{figures()}\n{END}", text)


def figures() -> str:
    """Tables and pictures as Markdown."""
    path = ROOT / "docs" / "evaluation" / "table.json"
    if not path.exists():
        return "No evaluation has been committed yet."
    content = json.loads(path.read_text())
    sets = [row(entry) for entry in content["sets"] if entry.get("eer") is not None]
    goals = [goal(entry) for entry in content["goals"]]
    pictures = [
        f"![{words}](docs/evaluation/figures/{name}.svg)"
        for name, words in PICTURES
        if (ROOT / "docs" / "evaluation" / "figures" / f"{name}.svg").exists()
    ]
    parts = ["\n".join([HEADER, *sets]), "\n".join([GOALS, *goals]), *pictures]
    return "\n\n".join(parts)


def row(entry: dict[str, Any]) -> str:
    """A detector on a set."""
    cllr = f"{entry['cllr']:.2f}" if entry.get("cllr") is not None else "–"
    risk = "–"
    if entry.get("risk_at_80") is not None:
        risk = f"{entry['risk_at_80']:.1%} / {entry['risk_at_100']:.1%}"
    called = "–"
    if entry.get("real_called_fake") is not None:
        called = f"{entry['real_called_fake']:.1%} / {entry['fake_called_fake']:.1%}"
    return (
        f"| {entry['detector']} | {entry['set']} | {entry['n']} ({entry['n_fake']}) "
        f"| {entry['eer']:.1%} ({entry['eer_low']:.1%} to {entry['eer_high']:.1%}) "
        f"| {entry['auc']:.3f} | {cllr} | {risk} | {called} |"
    )


def goal(entry: dict[str, Any]) -> str:
    """A goal and whether it is reached."""
    bound = f"≤ {entry['most']:.2f}" if "most" in entry else f"≥ {entry['least']:.2f}"
    measured = "not measured"
    if entry["value"] is not None:
        reached = "reached" if entry["reached"] else "**not reached**"
        measured = f"{entry['value']:.3f}, {reached}"
    where = f"{entry['detector'] or entry['report']}, {entry['set']}"
    return f"| {entry['words']} | {where} | {bound} | {measured} |"


if __name__ == "__main__":
    main()
