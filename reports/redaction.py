"""What may be left out of a copy for people who must not see everything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any


class Redaction(StrEnum):
    """One kind of content that a redacted copy leaves out."""

    ORIGINALS = "originals"
    PICTURES = "pictures"
    NOTES = "notes"
    PEOPLE = "people"
    METADATA = "metadata"


WORDS = {
    Redaction.ORIGINALS: "the original recordings; their hashes are kept",
    Redaction.PICTURES: "derived pictures and sounds; their hashes are kept",
    Redaction.NOTES: "the case's notes and the texts of reviews",
    Redaction.PEOPLE: "names of people; each is called by the same number throughout",
    Redaction.METADATA: "what the files say about camera, place and time (EXIF, container, "
    "credentials), and with it the machine's results as files; their hashes are kept",
}
PERSON_KEYS = frozenset({"by", "actor", "author", "reviewer", "user", "collector", "custodian"})
TEXT_KEYS = frozenset({"log", "purpose", "result", "text", "error_message", "source"})


def removals(redactions: frozenset[Redaction]) -> list[str]:
    """The sentences that a redacted copy carries about itself."""
    return [WORDS[redaction] for redaction in sorted(redactions)]


def without_people(record: dict[str, Any]) -> dict[str, Any]:
    """``record`` (JSON types) with every person's name replaced by ``Person N``, also where the
    platform or a member wrote it into a text."""
    numbers = {name: f"Person {n}" for n, name in enumerate(dict.fromkeys(_names(record)), 1)}
    longest_first = sorted(numbers, key=len, reverse=True)
    words = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")

    def renamed(value: Any, key: str) -> Any:
        if isinstance(value, list):
            return [renamed(item, key) for item in value]
        if isinstance(value, dict):
            return {name: renamed(item, name) for name, item in value.items()}
        if isinstance(value, str) and key in PERSON_KEYS:
            return numbers.get(value, value)
        if isinstance(value, str) and key in TEXT_KEYS and numbers:
            return words.sub(lambda found: numbers[found.group()], value)
        return value

    whole: dict[str, Any] = renamed(record, "")
    return whole


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _names(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in PERSON_KEYS and isinstance(item, str) and item:
                yield item
            else:
                yield from _names(item)
