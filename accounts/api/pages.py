"""Lists come in pages behind cursors, which stay stable while rows are inserted."""

from __future__ import annotations

from typing import Any

from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from accounts.api.problems import Problem


class Pages(CursorPagination):
    """``?cursor=…&page_size=…``; newest first unless the view or ``?ordering=`` says otherwise."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering: tuple[str, ...] = ("-created_at", "-pk")

    def get_page_size(self, request: Request) -> int:
        """The wanted number of rows. Raises Problem 422 for anything but 1 to 200."""
        wanted = request.query_params.get("page_size")
        if wanted is None:
            return self.page_size
        if wanted.isascii() and wanted.isdecimal() and 1 <= int(wanted) <= self.max_page_size:
            return int(wanted)
        raise Problem(422, "page_size", f"page_size is a number from 1 to {self.max_page_size}.")

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """The same for the schema."""
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == "page_size":
                parameter["schema"] |= {"minimum": 1, "maximum": self.max_page_size}
        return parameters
