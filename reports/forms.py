"""Forms of the report page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from cases.models import Exhibit
from detection.models import Analysis
from reports.models import ExportKind
from reports.redaction import Redaction


class ReportForm(forms.Form):
    """A report on one finding."""

    analysis = forms.ModelChoiceField(queryset=Analysis.objects.none(), label=_("Analysis"))
    kind = forms.ChoiceField(
        label=_("Format"),
        choices=[(ExportKind.REPORT_PDF.value, "PDF"), (ExportKind.REPORT_HTML.value, "HTML")],
    )

    def __init__(self, *args: Any, analyses: QuerySet[Analysis], **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["analysis"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = analyses


class BundleForm(forms.Form):
    """An evidence bundle of the case."""

    exhibits = forms.ModelMultipleChoiceField(
        queryset=Exhibit.objects.none(),
        label=_("Exhibits"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: all of them."),
    )
    purpose = forms.CharField(label=_("Purpose"), max_length=300, initial="disclosure")
    redactions = forms.MultipleChoiceField(
        label=_("Leave out"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=[
            (Redaction.ORIGINALS.value, _("the original recordings")),
            (Redaction.PICTURES.value, _("derived pictures and sounds")),
            (Redaction.NOTES.value, _("notes and texts of reviews")),
            (Redaction.PEOPLE.value, _("names of people")),
            (Redaction.METADATA.value, _("metadata of the files, and machine results as files")),
        ],
    )

    def __init__(self, *args: Any, exhibits: QuerySet[Any], **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["exhibits"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.queryset = exhibits
