"""The vendored files are the published ones, all listed, and nothing else is served from afar."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "static" / "vendor"
UNLISTED = {"LICENSE", "VENDOR.toml"}
# Printed to PDF or sent as one file: it must carry its own style.
DOCUMENTS = {ROOT / "templates/reports/report.html"}


def _packages() -> dict[str, dict[str, object]]:
    return tomllib.loads((VENDOR / "VENDOR.toml").read_text(encoding="utf-8"))


def test_every_listed_file_has_its_hash() -> None:
    for name, package in _packages().items():
        folder = VENDOR / f"{name}-{package['version']}"
        hashes = package["sha256"]
        assert isinstance(hashes, dict)
        for file, expected in hashes.items():
            assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == expected, file


def test_every_vendored_file_is_listed_with_a_licence() -> None:
    listed = set()
    for name, package in _packages().items():
        folder = VENDOR / f"{name}-{package['version']}"
        assert package["licence"]
        assert (folder / "LICENSE").is_file(), name
        assert isinstance(package["sha256"], dict)
        listed |= {folder / file for file in package["sha256"]}
    present = {path for path in VENDOR.rglob("*") if path.is_file() and path.name not in UNLISTED}
    assert present == listed


def test_templates_name_no_other_host_and_hold_no_inline_code() -> None:
    for path in (ROOT / "templates").rglob("*.html"):
        if path in DOCUMENTS:
            continue
        text = path.read_text(encoding="utf-8")
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text), path
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=", text), path
        for tag in re.findall(r"<script\b[^>]*>", text):
            assert " src=" in tag or "application/json" in tag, path


def test_every_icon_asked_for_is_vendored() -> None:
    icons = {path.stem for path in VENDOR.glob("tabler-icons-*/*.svg")}
    for path in (ROOT / "templates").rglob("*.html"):
        asked = set(re.findall(r'{% icon "([^"]+)" %}', path.read_text(encoding="utf-8")))
        assert asked <= icons, path
