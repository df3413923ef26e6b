"""Reading bodies that may be hostile."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class Json(JSONParser):
    """JSON; what is nested deeper than Python reads is an error of the caller, not ours."""

    def parse(self, stream: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return super().parse(stream, *arguments, **options)
        except RecursionError as error:
            raise ParseError("This JSON is nested too deeply.") from error
