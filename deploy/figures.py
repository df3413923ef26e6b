"""Write the README's table of measured figures from docs/evaluation/*.json (``make figures``)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
START, END = "<!-- figures: make figures -->", "<!-- end of figures -->"
HEADER = (
    "| detector | test set | recordings (fake) | EER (95 % interval) | AUC |\n|---|---|---|---|---|"
)


def main() -> None:
    readme = ROOT / "README.md"
    text = readme.read_text()
    between = re.compile(f"{re.escape(START)}.*?{re.escape(END)}", re.DOTALL)
    lines = [row(name, entry) for name, entry in measured()]
    table = "\n".join([HEADER, *lines]) if lines else "No evaluation has been committed yet."
    readme.write_text(between.sub(lambda _: f"{START}\n{table}\n{END}", text))


def measured() -> list[tuple[str, dict[str, Any]]]:
    """(detector, set) pairs of every committed evaluation."""
    found = []
    for path in sorted((ROOT / "docs" / "evaluation").glob("*.json")):
        weights = json.loads(path.read_text()).get("weights", {})
        for name, evaluation in weights.items():
            found += [(name, entry) for entry in evaluation.get("sets", [])]
    return [(name, entry) for name, entry in found if entry.get("eer") is not None]


def row(name: str, entry: dict[str, Any]) -> str:
    low, high = entry.get("eer_ci") or (None, None)
    interval = f" ({low:.1%} to {high:.1%})" if low is not None and high is not None else ""
    auc = f"{entry['auc']:.3f}" if entry.get("auc") is not None else "–"
    return (
        f"| {name} | {entry['name']} | {entry['n']} ({entry['n_fake']}) "
        f"| {entry['eer']:.1%}{interval} | {auc} |"
    )


if __name__ == "__main__":
    main()
