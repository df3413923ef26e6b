"""What is published is what the committed reports hold: no figure is typed, none is out of date."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy import figures
from ml.evaluation import cards, summary
from ml.weights.registry import WeightRegistry

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "docs" / "evaluation"
REGISTRY = WeightRegistry()


def test_the_readme_holds_the_figures_of_the_table() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert text.count(figures.START) == text.count(figures.END) == 1
    assert figures.filled(text) == text, "out of date: make figures"


def test_every_picture_of_the_readme_is_there() -> None:
    for name, _ in figures.PICTURES:
        assert (PUBLISHED / "figures" / f"{name}.svg").is_file(), name


@pytest.mark.parametrize("name", REGISTRY.names())
def test_a_card_holds_the_figures_of_the_reports(name: str) -> None:
    text = (REGISTRY.folder / "cards" / f"{name}.md").read_text("utf-8")
    assert text.count(cards.BEGIN) == text.count(cards.END) == 1
    now = cards.filled(text, REGISTRY.entry(name), ROOT)
    assert now == text, "out of date: python -m ml evaluate cards"


def test_table_and_page_hold_the_figures_of_the_reports() -> None:
    rows = list(summary.table_rows(PUBLISHED))
    goals = summary.judged_goals(rows)
    assert json.loads((PUBLISHED / "table.json").read_text("utf-8")) == {
        "goals": goals,
        "sets": rows,
    }
    assert (PUBLISHED / "README.md").read_text("utf-8") == summary.page(rows, goals, PUBLISHED)
