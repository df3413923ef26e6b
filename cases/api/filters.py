"""What lists of cases and exhibits can be filtered by."""

from __future__ import annotations

import django_filters as filters

from cases.models import Case, Exhibit


class CaseFilter(filters.FilterSet):
    """``?status=open&number=2026-0001&created_after=…&created_before=…``"""

    created_after = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
    title = filters.CharFilter(lookup_expr="icontains")

    class Meta:
        model = Case
        fields = ("status", "number")


class ExhibitFilter(filters.FilterSet):
    """``?kind=video&state=stored&sha256=…&received_after=…&received_before=…``

    ``md5`` and ``sha1`` find what old hash sets list; they prove nothing.
    """

    # By id and not by choice: whether a foreign case exists is nobody's business.
    case = filters.UUIDFilter(field_name="case_id")
    received_after = filters.IsoDateTimeFilter(field_name="received_at", lookup_expr="gte")
    received_before = filters.IsoDateTimeFilter(field_name="received_at", lookup_expr="lt")
    name = filters.CharFilter(lookup_expr="icontains")

    class Meta:
        model = Exhibit
        fields = ("kind", "state", "sha256", "md5", "sha1")
