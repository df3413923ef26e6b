"""Filters of lists, which refuse what they do not understand instead of ignoring it."""

from __future__ import annotations

from typing import Any

from django import forms
from django_filters import BooleanFilter
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError


class TrueOrFalse(forms.Field):
    """``true`` or ``false``; Django's own field takes anything else for "no filter"."""

    def to_python(self, value: Any) -> bool | None:
        if value in self.empty_values:
            return None
        if value not in ("true", "false"):
            raise forms.ValidationError("Write true or false.")
        return bool(value == "true")


class TruthFilter(BooleanFilter):
    """``?blind=true``"""

    field_class = TrueOrFalse

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, widget=forms.TextInput, **options)


class Filters(DjangoFilterBackend):
    """django-filter's backend; an empty date, id or choice is an error, not "no filter"."""

    def get_filterset(self, request: Any, queryset: Any, view: Any) -> Any:
        """The bound filters of ``view``. Raises ValidationError for empty values."""
        filterset = super().get_filterset(request, queryset, view)
        if filterset is not None:
            empty = {
                name: ["Give a value or leave the parameter out."]
                for name, field in filterset.form.fields.items()
                if filterset.data.get(name) == "" and type(field) is not forms.CharField
            }
            if empty:
                raise ValidationError(empty)
        return filterset
