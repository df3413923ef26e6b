"""Evidence: taking recordings in, opening them, checking them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from accounts.actors import Actor
from cases.acquisition import Acquisition
from cases.models import Case, Exhibit


def receive_evidence(
    *,
    actor: Actor,
    case: Case,
    stream: BinaryIO | Iterator[bytes],
    filename: str,
    declared_sha256: str | None = None,
    acquisition: Acquisition | None = None,
) -> Exhibit:
    """Take a recording into evidence.

    Bytes stream through SHA-256 and SHA-512 into quarantine; limits and type (by content) are
    checked, the file is read again and hashed again, then moved write-once into the store.
    Raises PermissionDenied, or EvidenceRefused, whose refusal is on the ledger.
    """
    raise NotImplementedError


def open_exhibit(*, actor: Actor, exhibit: Exhibit, purpose: str) -> Path:
    """The local path of the original for reading, after its hash was checked.

    ``purpose`` is recorded as a custody event (download for people and keys).
    Raises PermissionDenied, ExhibitUnavailable; a mismatch freezes the exhibit first.
    """
    raise NotImplementedError


def verify_exhibit(*, actor: Actor, exhibit: Exhibit, purpose: str = "integrity check") -> bool:
    """Re-hash the stored bytes and compare. A mismatch freezes the exhibit and alerts.

    Raises PermissionDenied, ExhibitUnavailable for a destroyed exhibit.
    """
    raise NotImplementedError
