"""Derived files in the content-addressed artefact store."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from cases.errors import StoreError
from cases.storage import artefact_store
from ml.result import AnalysisOutcome


def store(outcome: AnalysisOutcome) -> dict[str, str]:
    """Write every artefact of ``outcome``; storage keys by SHA-256.

    Raises ValueError when an artefact's bytes do not have the hash that the result states.
    """
    listed = {facts.sha256 for facts in outcome.result.artefacts}
    carried = {artefact.facts.sha256: artefact.content for artefact in outcome.artefacts}
    if listed != carried.keys():
        raise ValueError("the outcome carries other artefacts than its result lists")
    return {sha256: _put(content, sha256) for sha256, content in carried.items()}


def read(key: str, sha256: str) -> bytes:
    """The bytes under ``key``; StoreError(mismatch) when they are not what was stored."""
    with artefact_store().open(key) as stream:
        content: bytes = stream.read()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise StoreError(
            "mismatch", f"The derived file {key} was changed after it was stored; it is not shown."
        )
    return content


def _put(content: bytes, sha256: str) -> str:
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"an artefact does not have the hash that the result states: {sha256}")
    with tempfile.TemporaryDirectory(prefix="dfd-artefact-") as folder:
        path = Path(folder) / sha256
        path.write_bytes(content)
        return artefact_store().put(path, sha256)
