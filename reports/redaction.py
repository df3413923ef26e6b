"""What may be left out of a copy for people who must not see everything."""

from __future__ import annotations

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


def removals(redactions: frozenset[Redaction]) -> list[str]:
    """The sentences that a redacted copy carries about itself."""
    return [WORDS[redaction] for redaction in sorted(redactions)]


def without_people(value: Any, numbers: dict[str, str] | None = None) -> Any:
    """``value`` (JSON types) with every person's name replaced by ``Person N``."""
    numbers = {} if numbers is None else numbers
    if isinstance(value, list):
        return [without_people(item, numbers) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: numbers.setdefault(item, f"Person {len(numbers) + 1}")
        if key in PERSON_KEYS and isinstance(item, str) and item
        else without_people(item, numbers)
        for key, item in value.items()
    }
