"""Words for a likelihood ratio, from a versioned table beside this file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLE = Path(__file__).parent / "verbal_enfsi_2015.toml"


@dataclass(frozen=True)
class VerbalTable:
    """``bands``: (exclusive lower edge of the LR, words) in rising order."""

    version: str
    source: str
    neutral: str
    bands: tuple[tuple[float, str], ...]
    propositions: tuple[str, str]

    def phrase(self, log10_lr: float) -> str:
        """The sentence for a log10 likelihood ratio of either sign."""
        ratio = 10.0 ** abs(log10_lr)
        words = ""
        for edge, text in self.bands:
            if ratio > edge:
                words = text
        if not words:
            return self.neutral
        favoured, other = self.propositions if log10_lr > 0 else self.propositions[::-1]
        return f"The findings provide {words} that {favoured}, rather than that {other}."


@cache
def verbal_table() -> VerbalTable:
    """The table in use."""
    data = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return VerbalTable(
        version=data["version"],
        source=data["source"],
        neutral=data["neutral"],
        bands=tuple((float(band["above"]), band["words"]) for band in data["bands"]),
        propositions=(data["propositions"]["fake"], data["propositions"]["real"]),
    )
