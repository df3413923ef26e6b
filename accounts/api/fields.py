"""``?fields=id,number``: answer with these fields only."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class SparseMixin(serializers.BaseSerializer[Any]):
    """Leaves out what ``?fields=`` does not name; unknown names are ignored."""

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()  # type: ignore[misc]
        request = self.context.get("request")
        if request is None or request.method != "GET":
            return fields
        wanted = request.query_params.get("fields")
        if not wanted:
            return fields
        names = set(wanted.split(","))
        return {name: field for name, field in fields.items() if name in names}
