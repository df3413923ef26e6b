"""Filters of lists, which refuse what they do not understand instead of ignoring it."""

from __future__ import annotations

from typing import Any

from django import forms
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError


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
