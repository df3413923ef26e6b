"""What is published is what the committed reports hold: no figure is typed, none is out of date."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from deploy import figures
from ml.evaluation import cards, summary
from ml.evaluation.reports import save
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


def test_tables_and_page_hold_the_figures_of_the_reports(tmp_path: Path) -> None:
    again = shutil.copytree(PUBLISHED, tmp_path / "evaluation")
    summary.write(again)
    for name in ("table.csv", "table.json", "README.md"):
        assert (again / name).read_text("utf-8") == (PUBLISHED / name).read_text("utf-8"), name


@pytest.mark.parametrize("name", [*summary.REPORTS, "table"])
def test_published_numbers_have_the_digits_on_which_machines_agree(
    name: str, tmp_path: Path
) -> None:
    published = (PUBLISHED / f"{name}.json").read_text("utf-8")
    save(json.loads(published) | {"more": 1 / 3}, tmp_path / "again.json")
    again = json.loads((tmp_path / "again.json").read_text("utf-8"))
    assert again == json.loads(published) | {"more": 0.33333333}
