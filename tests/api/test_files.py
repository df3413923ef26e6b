"""Files over the API: ranges, entity tags, digests, resumable uploads, chosen exhibits."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from cases.models import Case, CustodyEvent, Exhibit, Upload
from reports.models import ExportRequest
from tests.api.conftest import png


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def test_an_original_has_a_tag_a_digest_and_ranges(api: APIClient, exhibit: Exhibit) -> None:
    address = f"/api/v1/evidence/{exhibit.pk}/content"
    whole = api.get(address)
    tag = whole.headers["ETag"]
    digest = base64.b64encode(bytes.fromhex(exhibit.sha256)).decode()
    assert whole.headers["Repr-Digest"] == f"sha-256=:{digest}:"
    assert body(whole) == png()
    assert api.get(address, headers={"If-None-Match": tag}).status_code == 304

    part = api.get(address, headers={"Range": "bytes=4-9", "If-Range": tag})
    assert (part.status_code, body(part)) == (206, png()[4:10])
    other = api.get(address, headers={"Range": "bytes=4-9", "If-Range": '"of another file"'})
    assert (other.status_code, body(other)) == (200, png())
    outside = api.get(address, headers={"Range": f"bytes={exhibit.size}-"})
    assert outside.status_code == 416
    assert outside.headers["Content-Range"] == f"bytes */{exhibit.size}"
    assert CustodyEvent.objects.filter(exhibit=exhibit, kind="downloaded").count() == 5


def announce(api: APIClient, case: Case, length: int = 10, **headers: str) -> Any:
    stated = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": str(length),
        "Upload-Metadata": "case " + base64.b64encode(str(case.pk).encode()).decode(),
        "Idempotency-Key": "announced-once",
    }
    return api.post("/api/v1/uploads/", headers={**stated, **headers})


def test_an_upload_is_announced_once(api: APIClient, case: Case) -> None:
    cache.clear()
    first, second = announce(api, case), announce(api, case)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.headers["Location"] == first.headers["Location"]
    assert second.headers["Idempotency-Replayed"] == "true"
    assert second.headers["Tus-Resumable"] == "1.0.0"
    assert int(second.headers["RateLimit-Remaining"]) < int(first.headers["RateLimit-Remaining"])
    assert Upload.objects.count() == 1
    longer = announce(api, case, length=11)
    assert (longer.status_code, longer.json()["code"]) == (422, "idempotency_mismatch")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Upload-Offset": "3"}, 409, "offset"),
        ({"Upload-Offset": "0", "Upload-Checksum": "sha1 AAAA"}, 460, "checksum"),
        ({"Upload-Offset": "x"}, 400, "protocol"),
        ({"Upload-Offset": "0", "Tus-Resumable": "0.2"}, 412, "protocol"),
    ],
)
def test_refused_pieces_are_problems_like_all_others(
    api: APIClient, case: Case, headers: dict[str, str], status: int, code: str
) -> None:
    where = announce(api, case).headers["Location"]
    refused = api.patch(
        where,
        data=b"12345",
        content_type="application/offset+octet-stream",
        headers={"Tus-Resumable": "1.0.0", **headers},
    )
    problem = refused.json()
    assert (refused.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"] == f"urn:dfd:problem:{code}"
    assert problem["title"]
    assert problem["request_id"] == refused.headers["X-Request-ID"]


def test_a_bundle_leaves_no_named_exhibit_out(api: APIClient, case: Case, exhibit: Exhibit) -> None:
    unknown = str(uuid.uuid4())
    wanted = {"exhibits": [str(exhibit.pk), unknown]}
    refused = api.post(f"/api/v1/cases/{case.pk}/exports", wanted, format="json")
    assert (refused.status_code, refused.json()["code"]) == (422, "exhibits")
    assert unknown in refused.json()["detail"]
    assert not ExportRequest.objects.exists()
