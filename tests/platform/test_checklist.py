"""Each test that the forensic checklist names exists: the page cannot promise what is gone."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
CHECKLIST = TESTS.parent / "docs" / "forensic-checklist.md"
FILE = re.compile(r"`((?:\w+/)?(?:test_)?\w+\.py)`")
NAME = re.compile(r"`(test_\w+)`")


def test_every_named_test_exists() -> None:
    text = CHECKLIST.read_text(encoding="utf-8")
    there = "\n".join(path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py"))
    names = set(NAME.findall(text))
    assert len(names) > 50
    assert [name for name in sorted(names) if f"def {name}(" not in there] == []


def test_every_named_file_exists() -> None:
    files = set(FILE.findall(CHECKLIST.read_text(encoding="utf-8")))
    missing = [name for name in files if not list(TESTS.rglob(name))]
    assert [name for name in missing if not (TESTS.parent / name).exists()] == []
