"""Every child writes to its own file; the console hears only what a person should know."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MAX_BYTES = 10 * 1024 * 1024
LOUD_LEVELS = {"warning", "error", "critical"}
# What programs without structured logs write: gunicorn's levels and a command's last word.
LOUD_LINE = re.compile(r"\[(WARNING|ERROR|CRITICAL)\] (?P<text>.*)|CommandError: (?P<last>.*)")


@dataclass
class ProcessLog:
    """The log file of one program. ``heard`` is how far the console has followed it."""

    name: str
    path: Path
    heard: int = 0

    @classmethod
    def of(cls, name: str, folder: Path) -> ProcessLog:
        """``folder/inference-worker.log`` for the program "inference worker"."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name.replace(' ', '-')}.log"
        path.touch()
        return cls(name, path, path.stat().st_size)

    def open(self) -> BinaryIO:
        """For a child's output. Appending, so that ``rotate`` may empty the file."""
        return self.path.open("ab")

    def news(self) -> Iterator[str]:
        """Warnings and errors written since the last call, in plain words."""
        with self.path.open("rb") as stream:
            stream.seek(self.heard)
            fresh = stream.read(MAX_BYTES)
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self.heard += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            text = spoken(line)
            if text:
                yield f"{self.name}: {text}"

    def rotate(self) -> None:
        """Keep one old file once the log is longer than ``MAX_BYTES``."""
        if self.path.stat().st_size > MAX_BYTES:
            shutil.copyfile(self.path, self.path.with_suffix(".log.1"))
            with self.path.open("r+b") as stream:
                stream.truncate(0)
            self.heard = 0


def spoken(line: str) -> str:
    """A log line as words for the console; empty when it need not be heard."""
    try:
        entry = json.loads(line)
    except ValueError:
        found = LOUD_LINE.search(line)
        return (found["text"] or found["last"] or "") if found else ""
    if not isinstance(entry, dict) or entry.get("level") not in LOUD_LEVELS:
        return ""
    first_line = str(entry.get("event", "")).partition("\n")[0]
    cause = str(entry.get("exception", "")).strip().rpartition("\n")[2]
    return f"{entry['level']}: {first_line}" + (f" ({cause})" if cause else "")
