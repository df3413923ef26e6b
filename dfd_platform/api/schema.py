"""What drf-spectacular cannot see by itself: API keys, and errors as problem details."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from accounts.api.problems import CONTENT_TYPE

# Second addresses of the same view, kept for earlier clients.
DOUBLES = {"/health", "/health/ready", "/api/status/{analysis_id}"}
METHODS = {"get", "post", "put", "patch", "delete"}
PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "stable, for programs"},
        "detail": {"type": "string", "description": "for people: what to do"},
        "request_id": {"type": "string", "description": "names this request in the logs"},
        "errors": {"description": "what is wrong, by field"},
    },
}
IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    "description": "A repeat with the same key within a day gets the first answer again.",
}


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """``Authorization: Bearer dfd_…``."""

    target_class = "accounts.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, _auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "dfd_<id>.<secret>"}


def leave_out_doubles(endpoints: list[tuple[str, ...]], **_: Any) -> list[tuple[str, ...]]:
    """The endpoints without second addresses."""
    return [endpoint for endpoint in endpoints if endpoint[0] not in DOUBLES]


def describe_errors(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Every operation may answer with a problem; every POST takes an idempotency key."""
    result["components"]["schemas"]["Problem"] = PROBLEM
    answer = {
        "description": "A problem",
        "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for address, path in result["paths"].items():
        for method, operation in path.items():
            if method in METHODS:
                operation["tags"] = [address.removeprefix("/api/v1").split("/")[1]]
                operation["responses"].setdefault("4XX", answer)
                operation["responses"].setdefault("5XX", answer)
            if method == "post":
                operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    return result
