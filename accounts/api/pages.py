"""Lists come in pages behind cursors, which stay stable while rows are inserted."""

from __future__ import annotations

from rest_framework.pagination import CursorPagination


class Pages(CursorPagination):
    """``?cursor=…&page_size=…``; newest first unless the view or ``?ordering=`` says otherwise."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering: tuple[str, ...] = ("-created_at", "-pk")
