"""Strict texts and references of serializers; ``?fields=id,number`` for answers with these only."""

from __future__ import annotations

from typing import Any

from django.db import models
from rest_framework import serializers


class Text(serializers.CharField):
    """Text that is text: a JSON number or boolean is refused instead of being turned into one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class TextModelSerializer(serializers.ModelSerializer[Any]):
    """A serializer whose model's texts are ``Text``."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: Text,
        models.TextField: Text,
    }


class Reference(serializers.PrimaryKeyRelatedField[Any]):
    """A row by its id. Only a form says "none" with an empty text; in JSON it is a wrong id."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if data == "":
            self.fail("does_not_exist", pk_value=data)
        return super().run_validation(data)


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
