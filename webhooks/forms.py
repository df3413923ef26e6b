"""The form of a web hook."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cases.models import Case
from webhooks.events import EventType
from webhooks.models import URL_LENGTH

EVENT_LABELS = {
    EventType.CASE_CREATED: _("a case was opened"),
    EventType.CASE_CLOSED: _("a case was closed"),
    EventType.EVIDENCE_RECEIVED: _("evidence was received"),
    EventType.EVIDENCE_REFUSED: _("a file was refused"),
    EventType.INTEGRITY_FAILED: _("stored bytes are no longer those received"),
    EventType.ANALYSIS_FINISHED: _("an analysis has a finding"),
    EventType.ANALYSIS_FAILED: _("an analysis failed"),
    EventType.ANALYSIS_CANCELLED: _("an analysis was cancelled"),
    EventType.REVIEW_REQUESTED: _("a review was asked for"),
    EventType.REVIEW_RECORDED: _("an opinion, sign-off or dissent was given"),
    EventType.REPORT_READY: _("a report was made"),
    EventType.BUNDLE_READY: _("an evidence bundle was made"),
}


class WebhookForm(forms.Form):
    """Where to, about what, of which case."""

    url = forms.CharField(
        label=_("Address"),
        max_length=URL_LENGTH,
        help_text=_("Begins with https:// and is reachable on the public internet."),
        widget=forms.URLInput(attrs={"placeholder": "https://example.org/dfd"}),
    )
    case = forms.ModelChoiceField(
        label=_("Case"), queryset=Case.objects.none(), required=False,
        empty_label=_("every case that I may see"),
    )  # fmt: skip
    events = forms.MultipleChoiceField(
        label=_("Tell it when"),
        choices=[(event.value, EVENT_LABELS[event]) for event in EventType],
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, cases: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["case"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = cases
