"""The committed OpenAPI schema is the one the code describes."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"


def test_committed_schema_is_current() -> None:
    stream = io.StringIO()
    warnings = io.StringIO()

    call_command("spectacular", "--validate", stdout=stream, stderr=warnings)

    assert stream.getvalue().strip() == COMMITTED.read_text().strip(), (
        "run: make schema, read the difference, commit docs/openapi.yaml"
    )
    assert "Warning" not in warnings.getvalue()


@pytest.mark.parametrize("path", ["/api/v1/docs", "/api/v1/redoc", "/api/v1/schema"])
def test_viewers_need_no_foreign_host(db: None, path: str) -> None:
    answer = APIClient().get(path)

    assert answer.status_code == 200
    body = answer.render().content.decode()
    assert "https://cdn" not in body
    assert "googleapis" not in body
    assert (
        "'unsafe-inline'"
        not in answer.headers["Content-Security-Policy"].split("script-src")[1].split(";")[0]
    )
