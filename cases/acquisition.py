"""How a recording came to the laboratory: the acquisition record kept with each exhibit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from django.utils.translation import gettext as _

from cases.errors import InvalidInput

TEXT_LIMIT = 2000
TEXTS = ("source", "collector", "authority", "method")


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
            raise InvalidInput("acquired_at", _("Give the time of acquisition with its time zone."))
        for name in TEXTS:
            if len(getattr(self, name)) > TEXT_LIMIT:
                raise InvalidInput(
                    name,
                    _("The %(field)s is longer than %(limit)s characters.")
                    % {"field": name, "limit": TEXT_LIMIT},
                )

    def to_dict(self) -> dict[str, str]:
        """As JSON types; ``acquired_at`` in ISO 8601 with its offset."""
        stated = {name: getattr(self, name) for name in TEXTS}
        stated["acquired_at"] = self.acquired_at.isoformat() if self.acquired_at else ""
        return stated

    @classmethod
    def from_dict(cls, stated: Mapping[str, str]) -> Self:
        """From text fields, as a form, an API or an upload states them; others are ignored.

        Raises InvalidInput for a time that is not ISO 8601 with an offset, or too long a text.
        """
        texts = {name: stated.get(name, "").strip() for name in TEXTS}
        when = stated.get("acquired_at", "").strip()
        try:
            acquired_at = datetime.fromisoformat(when) if when else None
        except ValueError as error:
            raise InvalidInput(
                "acquired_at", _("Give the time of acquisition like 2026-03-01T09:30:00+01:00.")
            ) from error
        return cls(**texts, acquired_at=acquired_at)

    @property
    def utc_offset(self) -> str:
        """The stated offset such as ``+02:00``, or empty when no time was stated."""
        return self.acquired_at.isoformat()[-6:] if self.acquired_at else ""
