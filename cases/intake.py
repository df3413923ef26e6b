"""The checks a file passes on its way from a client to the store."""

from __future__ import annotations

import os
import unicodedata
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from django.conf import settings
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from cases.errors import EvidenceRefused, RefusalCode
from cases.hashing import Digests, LookupHashes, ReceivingHasher, hash_file, read_chunks
from cases.sniffing import DamagedFile, MediaType, describe_unsupported, sniff
from cases.storage.base import SHA256_HEX

EMPTY = _("The file is empty. Check the copy you have and send it again.")
FORMATS = (
    "audio: WAV, MP3, FLAC, OGG, Opus, M4A, AAC; image: JPEG, PNG, BMP, WebP, TIFF, HEIC; "
    "video: MP4, AVI, MOV, MKV, WebM, FLV, WMV"
)


@dataclass(frozen=True)
class Received:
    """A file in quarantine with the hashes of the bytes as they came in."""

    path: Path
    digests: Digests
    lookup: LookupHashes


@contextmanager
def quarantine(stream: BinaryIO | Iterable[bytes], limit: int) -> Iterator[Received]:
    """Write the stream to a file of our own naming, hashing on the way; removed at the end.

    Raises EvidenceRefused ``too_large`` as soon as more than ``limit`` bytes have come, and
    ``hash_mismatch`` when the file, read again, is not what came.
    """
    path = quarantine_path(uuid.uuid4())
    hasher = ReceivingHasher()
    try:
        # Unbuffered: what has been hashed is in the file, not in our memory.
        with path.open("xb", buffering=0) as file:
            for chunk in _chunks(stream):
                hasher.update(chunk)
                if hasher.size > limit:
                    raise too_large(limit)
                write_all(file.fileno(), chunk)
            os.fsync(file.fileno())
        if hash_file(path) != hasher.digests():
            raise EvidenceRefused(
                RefusalCode.HASH_MISMATCH,
                _(
                    "The bytes on our disk are not the bytes that were received. Send the file "
                    "again; if this comes back, the administrator must check the disk."
                ),
            )
        yield Received(path, hasher.digests(), hasher.lookup_hashes())
    finally:
        path.unlink(missing_ok=True)


def received_in_pieces(path: Path) -> Received:
    """The file at ``path``, whose pieces have all come, measured in one pass."""
    hasher = ReceivingHasher()
    digests = hash_file(path, hasher)
    return Received(path, digests, hasher.lookup_hashes())


def quarantine_path(file_id: uuid.UUID) -> Path:
    """Where a file stays while it is being received. The name never comes from a client."""
    folder: Path = settings.DFD.quarantine_dir
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"{file_id}.part"


def check(received: Received, declared_sha256: str, kind: str = "") -> MediaType:
    """What the file is, after every check that needs no knowledge of the case.

    ``kind``: the only kind that is wanted, if any.

    Raises EvidenceRefused: empty, hash_mismatch, corrupt, unsupported_type.
    """
    if received.digests.size == 0:
        raise EvidenceRefused(RefusalCode.EMPTY, EMPTY)
    if declared_sha256 and declared_sha256 != received.digests.sha256:
        raise EvidenceRefused(
            RefusalCode.HASH_MISMATCH,
            _(
                "The file has SHA-256 %(measured)s, but %(declared)s was declared. It changed on "
                "the way or is another file: send it again."
            ),
            measured=received.digests.sha256,
            declared=declared_sha256,
        )
    try:
        found = sniff(received.path)
    except DamagedFile as damage:
        raise EvidenceRefused(RefusalCode.CORRUPT, damage.text, **damage.values) from damage
    if found is None:
        raise EvidenceRefused(
            RefusalCode.UNSUPPORTED_TYPE,
            _(
                "The content is %(found)s. Accepted are %(formats)s. The name of a file does not "
                "count."
            ),
            found=gettext_lazy(describe_unsupported(received.path)),
            formats=FORMATS,
        )
    if kind and found.kind != kind:
        raise EvidenceRefused(
            RefusalCode.UNSUPPORTED_TYPE,
            _(
                "The content is of the kind %(found)s, and %(wanted)s was asked for. The name of "
                "a file does not count."
            ),
            found=found.kind,
            wanted=kind,
        )
    return found


def clean_declared(declared_sha256: str | None) -> str:
    """The declared hash in lower case. Raises EvidenceRefused when it is not a SHA-256."""
    declared = (declared_sha256 or "").strip().lower()
    if declared and not SHA256_HEX.fullmatch(declared):
        raise EvidenceRefused(
            RefusalCode.HASH_MISMATCH, _("The declared SHA-256 must be 64 hexadecimal digits.")
        )
    return declared


def clean_filename(filename: str) -> str:
    """The last part of the name without control characters, at most 255 characters long."""
    name = unicodedata.normalize("NFC", filename.replace("\\", "/").rsplit("/", 1)[-1])
    name = "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    name = name.strip()
    if len(name) > 255:
        stem, dot, suffix = name.rpartition(".")
        keep = f".{suffix}" if dot and len(suffix) <= 10 else ""
        name = (stem if keep else name)[: 255 - len(keep)] + keep
    return name or "unnamed"


def too_large(limit: int) -> EvidenceRefused:
    """The refusal for a file over the size limit."""
    return EvidenceRefused(
        RefusalCode.TOO_LARGE,
        _(
            "The file is larger than the limit of %(limit)s bytes. An administrator can raise "
            "DFD_MAX_UPLOAD_BYTES."
        ),
        limit=limit,
    )


def write_all(handle: int, chunk: bytes) -> None:
    """Write every byte; one ``os.write`` may take fewer than it was given."""
    view = memoryview(chunk)
    while view:
        view = view[os.write(handle, view) :]


def _chunks(stream: BinaryIO | Iterable[bytes]) -> Iterator[bytes]:
    if isinstance(stream, Iterable) and not hasattr(stream, "read"):
        return iter(stream)
    return read_chunks(cast(BinaryIO, stream))
