"""The write-once stores: originals, and what was derived from them."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from cases.storage.base import Store, object_key
from cases.storage.files import FileStore
from cases.storage.s3 import S3Store

__all__ = ["FileStore", "S3Store", "Store", "artefact_store", "evidence_store", "object_key"]


def evidence_store() -> Store:
    """Where originals are kept (``DFD_EVIDENCE_STORE``)."""
    return _store(settings.DFD.evidence_store)


def artefact_store() -> Store:
    """Where thumbnails, heat maps and other derived files are kept (``DFD_ARTEFACT_STORE``)."""
    return _store(settings.DFD.artefact_store)


def _store(location: str) -> Store:
    if location.startswith("s3://"):
        return S3Store.from_url(location, cache=settings.DFD.data_dir / "cache")
    return FileStore(Path(location))
