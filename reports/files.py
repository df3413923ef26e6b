"""The bytes of an export: a stored file, or a bundle put together around its originals."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, BinaryIO, cast

from cases.errors import StoreError
from cases.models import Exhibit
from cases.storage import artefact_store, evidence_store
from reports import zip_stream
from reports.bag import Reference
from reports.errors import ReportRefused
from reports.models import Export
from reports.zip_stream import BLOCK, Member

GONE = {
    Exhibit.State.DESTROYED: "was destroyed, and its copy in this bundle with it",
    Exhibit.State.FROZEN: "is frozen because an integrity check failed",
    Exhibit.State.QUARANTINED: "is kept in quarantine",
}


def original_entry(label: str, exhibit: Exhibit, found: Reference) -> dict[str, Any]:
    """What an export's row keeps of an original in the bundle folder ``label``."""
    return {
        "exhibit": str(exhibit.pk),
        "name": f"{label}/{found.name}",
        "size": found.size,
        "crc32": found.crc32,
        "storage_key": exhibit.storage_key,
    }


def original_member(entry: dict[str, Any]) -> Member:
    """The original of ``entry`` as a member of the bundle's zip."""
    opened = partial(evidence_store().open, entry["storage_key"])
    return Member(entry["name"], entry["size"], entry["crc32"], opened)


def in_order(members: Sequence[Member]) -> list[Member]:
    """Members as they stand in a bundle: by name."""
    return sorted(members, key=lambda member: member.name)


def content_of(export: Export) -> Iterator[bytes]:
    """The export's bytes, block by block; ``export.size`` of them, with ``export.sha256``.

    Raises ReportRefused at once when an original may not leave any more, StoreError when a file is
    missing; ValueError later, before the archive is complete, when stored bytes were changed.
    """
    if not export.originals:
        return _blocks(artefact_store().open(export.storage_key))
    _require_originals(export)
    return _assembled(export)


def _assembled(export: Export) -> Iterator[bytes]:
    with (
        artefact_store().open(export.storage_key) as stored,
        zipfile.ZipFile(stored) as parts,
    ):
        own = [
            Member(info.filename, info.file_size, info.CRC, partial(_open, parts, info))
            for info in parts.infolist()
        ]
        originals = [original_member(entry) for entry in export.originals]
        yield from zip_stream.stream(in_order([*own, *originals]))


def _require_originals(export: Export) -> None:
    wanted = [entry["exhibit"] for entry in export.originals]
    for exhibit in Exhibit.objects.filter(pk__in=wanted).select_related("case"):
        if exhibit.state != Exhibit.State.STORED:
            raise ReportRefused(
                "original_gone",
                f"Exhibit {exhibit.label} {GONE[Exhibit.State(exhibit.state)]}. Make a new bundle "
                "without it.",
            )
        if not evidence_store().exists(exhibit.storage_key):
            raise StoreError("missing", f"The stored bytes of {exhibit.label} are gone.")


def _open(parts: zipfile.ZipFile, info: zipfile.ZipInfo) -> BinaryIO:
    return cast(BinaryIO, parts.open(info))


def _blocks(source: BinaryIO) -> Iterator[bytes]:
    with source:
        while block := source.read(BLOCK):
            yield block
