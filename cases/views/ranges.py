"""A file in byte ranges (RFC 9110, section 14), so that players can seek in large recordings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

CHUNK = 256 * 1024
SINGLE_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")


def ranged_response(
    request: HttpRequest, path: Path, content_type: str, sha256: str
) -> HttpResponseBase:
    """The whole file, or the one range the request asks for (206), or 416 outside the file.

    Its hash names the content: a range of another one (``If-Range``) is not given. The answer can
    do nothing in a browser but be shown: no scripts, no sniffing, no caching by others.
    """
    size, tag = path.stat().st_size, f'"{sha256}"'
    same = request.headers.get("If-Range", tag) == tag
    wanted = _wanted_range(request.headers.get("Range", "") if same else "", size)
    if wanted is None:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    start, end = wanted
    response = StreamingHttpResponse(_chunks(path, start, end), content_type=content_type)
    if (start, end) != (0, size):
        response.status_code = 206
        response["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    response["ETag"] = tag
    response["Content-Length"] = str(end - start)
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = "private, max-age=3600"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Disposition"] = "inline"
    return response


def _wanted_range(header: str, size: int) -> tuple[int, int] | None:
    """Half-open byte range; the whole file when none or several are asked; None: outside."""
    match = SINGLE_RANGE.match(header)
    if match is None or match.groups() == ("", ""):
        return 0, size
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
    return (start, end) if start < end else None


def _chunks(path: Path, start: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        left = end - start
        while left > 0 and (chunk := file.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
