"""Write the flat TOML files of calibrators and fusion heads, and read them with their hash."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

from ml.errors import CalibrationError


def write_toml(path: Path, tables: dict[str, Any]) -> None:
    """Scalars and lists of scalars first, then tables and arrays of tables, one level deep."""
    lines: list[str] = []
    for key, value in tables.items():
        if not _is_table(value):
            lines.append(f"{key} = {_value(value)}")
    for key, value in tables.items():
        if not _is_table(value):
            continue
        header = f"[[{key}]]" if isinstance(value, list) else f"[{key}]"
        for table in value if isinstance(value, list) else [value]:
            lines += ["", header, *(f"{name} = {_value(item)}" for name, item in table.items())]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_toml(path: Path) -> tuple[dict[str, Any], str]:
    """The tables and the SHA-256 of the file. Raises ``CalibrationError`` when unusable."""
    try:
        content = path.read_bytes()
        return tomllib.loads(content.decode("utf-8")), hashlib.sha256(content).hexdigest()
    except (OSError, ValueError) as error:
        raise CalibrationError(
            "unreadable", f"The calibration file {path} cannot be read: {error}"
        ) from error


def _is_table(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and isinstance(value[0], dict)
    return isinstance(value, dict)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return repr(value)
