"""The platform's answers as typed dictionaries; the schema at /api/v1/schema is the full word."""

from __future__ import annotations

from typing import Any, Literal, TypedDict


class Case(TypedDict):
    """A case."""

    id: str
    number: str
    title: str
    description: str
    status: Literal["open", "closed"]
    created_by: str
    created_at: str
    closed_at: str | None


class Exhibit(TypedDict):
    """A recording in evidence; ``md5`` and ``sha1`` are for look-up in old hash sets only."""

    id: str
    case: str
    number: int
    label: str
    name: str
    kind: Literal["audio", "image", "video"]
    mime_type: str
    size: int
    sha256: str
    sha512: str
    md5: str | None
    sha1: str | None
    state: str
    received_at: str


class Analysis(TypedDict):
    """An analysis; ``status`` is final when complete, failed or cancelled."""

    id: str
    exhibit: str
    profile: str
    status: Literal["queued", "running", "complete", "failed", "cancelled"]
    stage: str
    percent: int


class Finding(TypedDict):
    """What the machine found. ``result`` is the whole record (schema dfd.result.v1)."""

    analysis: str
    verdict: Literal["REAL", "FAKE", "INCONCLUSIVE"]
    probability: float | None
    log10_lr: float | None
    casework_approved: bool
    result_sha256: str
    created_at: str
    result: dict[str, Any]


class Review(TypedDict):
    """A person's word on an analysis; a sign-off or dissent answers somebody else's opinion."""

    id: str
    analysis: str
    request: str | None
    reviewer: str
    kind: Literal["opinion", "sign_off", "dissent"]
    text: str
    agrees: bool | None
    blind: bool
    created_at: str


class AskedReview(TypedDict):
    """Somebody is asked for a review; ``answer`` is its id once it is given."""

    id: str
    case: str
    analysis: str
    reviewer: str
    requested_by: str
    blind: bool
    created_at: str
    answer: str | None


class Export(TypedDict):
    """A report or bundle; name, size and hash are there once ``status`` is ready."""

    id: str
    kind: str
    status: Literal["queued", "running", "ready", "failed"]
    percent: int
    case: str
    error_code: str
    error_message: str
    filename: str | None
    sha256: str | None
    size: int | None


class Webhook(TypedDict):
    """A web hook; ``secret`` only in the answer that makes it."""

    id: str
    url: str
    case: str | None
    events: list[str]
    secret: str | None
