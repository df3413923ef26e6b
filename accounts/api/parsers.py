"""Reading bodies that may be hostile."""

from __future__ import annotations

from typing import Any

from django.utils.http import parse_header_parameters
from rest_framework.exceptions import ParseError
from rest_framework.parsers import DataAndFiles, JSONParser, MultiPartParser


class Json(JSONParser):
    """JSON; what is nested deeper than Python reads is an error of the caller, not ours."""

    def parse(self, stream: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return super().parse(stream, *arguments, **options)
        except RecursionError as error:
            raise ParseError("This JSON is nested too deeply.") from error


class Multipart(MultiPartParser):
    """Forms in parts (RFC 7578). Bytes in which no part names a field are refused; Django reads
    them as an empty form."""

    def parse(
        self, stream: Any, media_type: Any = None, parser_context: Any = None
    ) -> DataAndFiles[Any, Any]:
        form = super().parse(stream, media_type, parser_context)
        if not form.data and not form.files:
            boundary = parse_header_parameters(media_type)[1]["boundary"]
            length = int(parser_context["request"].META["CONTENT_LENGTH"])
            if length > len(f"--{boundary}--\r\n"):
                raise ParseError("No part of this form names a field.")
        return form
