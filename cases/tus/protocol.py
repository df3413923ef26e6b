"""The words of the tus protocol: headers read and written."""

from __future__ import annotations

import base64
import binascii
import hashlib

from django.conf import settings
from django.http import HttpRequest
from django.utils.http import http_date

from cases.models import Upload
from cases.services.uploads import Digest

VERSION = "1.0.0"
EXTENSIONS = "creation,checksum,termination,expiration"
CONTENT_TYPE = "application/offset+octet-stream"
# sha1 because the protocol demands it; the others because it is sha1.
CHECKSUMS = ("sha256", "sha512", "sha1")


class ProtocolError(Exception):
    """A request that does not follow the protocol: HTTP status and words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def capabilities() -> dict[str, str]:
    """The headers that answer OPTIONS."""
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(settings.DFD.max_upload_bytes),
        "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
    }


def upload_headers(upload: Upload) -> dict[str, str]:
    """Where an upload stands, and which exhibit it became."""
    headers = {
        "Upload-Offset": str(upload.offset),
        "Upload-Length": str(upload.size),
        "Upload-Expires": http_date(upload.expires_at.timestamp()),
        "Cache-Control": "no-store",
    }
    if upload.exhibit_id:
        headers["DFD-Exhibit"] = str(upload.exhibit_id)
    return headers


def number(request: HttpRequest, header: str) -> int:
    """A header that holds a whole number. Raises ProtocolError 400."""
    value = request.headers.get(header, "")
    # isdecimal alone would let other scripts' digits through.
    if not (value.isascii() and value.isdecimal()):
        raise ProtocolError(400, f"The header {header} must be a whole number.")
    return int(value)


def metadata(request: HttpRequest) -> dict[str, str]:
    """``Upload-Metadata``: names and Base64 values. Raises ProtocolError 400."""
    pairs: dict[str, str] = {}
    for item in request.headers.get("Upload-Metadata", "").split(","):
        name, _, value = item.strip().partition(" ")
        if not name:
            continue
        try:
            pairs[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise ProtocolError(400, f"Upload-Metadata {name} is not Base64 of text.") from error
    return pairs


def checksum(request: HttpRequest) -> tuple[Digest, bytes] | None:
    """``Upload-Checksum``: a fresh hash and the expected value. Raises ProtocolError 400."""
    header = request.headers.get("Upload-Checksum")
    if header is None:
        return None
    algorithm, _, value = header.partition(" ")
    if algorithm not in CHECKSUMS:
        raise ProtocolError(400, f"Use one of these checksums: {', '.join(CHECKSUMS)}.")
    try:
        expected = base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ProtocolError(400, "The Upload-Checksum is not Base64.") from error
    return hashlib.new(algorithm, usedforsecurity=False), expected
