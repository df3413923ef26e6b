"""How a recording came to the laboratory: the acquisition record kept with each exhibit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cases.errors import InvalidInput

TEXT_LIMIT = 2000


@dataclass(frozen=True)
class Acquisition:
    """What the person handing in a recording says about it. Empty text: not stated.

    ``acquired_at`` is an aware datetime; its offset is kept, not only the instant.
    """

    source: str = ""  # where it came from: device, account, address
    collector: str = ""  # who obtained it
    authority: str = ""  # warrant, consent, request number
    method: str = ""  # how it was obtained
    acquired_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.acquired_at is not None and self.acquired_at.utcoffset() is None:
            raise InvalidInput("acquired_at", "Give the time of acquisition with its time zone.")
        for name in ("source", "collector", "authority", "method"):
            if len(getattr(self, name)) > TEXT_LIMIT:
                raise InvalidInput(name, f"The {name} is longer than {TEXT_LIMIT} characters.")

    @property
    def utc_offset(self) -> str:
        """The stated offset such as ``+02:00``, or empty when no time was stated."""
        return self.acquired_at.isoformat()[-6:] if self.acquired_at else ""
