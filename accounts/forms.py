"""Forms of the account pages."""

from __future__ import annotations

import ipaddress
import zoneinfo
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.scopes import Scope

SCOPE_LABELS = {
    Scope.CASE_READ: _("read cases"),
    Scope.CASE_WRITE: _("open and change cases, write notes"),
    Scope.EVIDENCE_READ: _("read and download evidence"),
    Scope.EVIDENCE_WRITE: _("add evidence"),
    Scope.ANALYSIS_RUN: _("submit analyses"),
    Scope.ANALYSIS_READ: _("read findings"),
    Scope.EXPORT_CREATE: _("create reports and bundles"),
    Scope.AUDIT_READ: _("read the ledger"),
}
LIFETIMES = [("30", _("30 days")), ("90", _("90 days")), ("365", _("one year"))]


class KeyForm(forms.Form):
    """A new API key."""

    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        help_text=_("What will use it, for example “Intake robot”."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        choices=[(scope.value, SCOPE_LABELS.get(scope, scope.value)) for scope in Scope],
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.ChoiceField(label=_("Valid for"), choices=LIFETIMES, initial="90")
    networks = forms.CharField(
        label=_("Allowed networks"),
        required=False,
        help_text=_("Addresses it may call from, separated by commas. Empty: any."),
        widget=forms.TextInput(attrs={"placeholder": "192.0.2.0/24, 2001:db8::/32"}),
    )

    quota_analyses = forms.IntegerField(
        label=_("Analyses a day"),
        required=False,
        min_value=1,
        max_value=1_000_000,
        help_text=_("Empty: as many as you may run yourself."),
    )
    quota_megabytes = forms.IntegerField(
        label=_("Megabytes of evidence a day"),
        required=False,
        min_value=1,
        max_value=1_000_000_000,
        help_text=_("Empty: as many as you may add yourself."),
    )

    def clean_networks(self) -> list[str]:
        """CIDR notations; a plain address becomes a network of one."""
        parts = [part.strip() for part in self.cleaned_data["networks"].split(",") if part.strip()]
        try:
            return [str(ipaddress.ip_network(part, strict=False)) for part in parts]
        except ValueError as error:
            raise forms.ValidationError(
                _("%(reason)s. Write networks like 192.0.2.0/24."), params={"reason": str(error)}
            ) from error

    def quota_bytes(self) -> int | None:
        """The limit of a day in bytes."""
        megabytes = self.cleaned_data["quota_megabytes"]
        return None if megabytes is None else megabytes * 1_000_000

    def expires_at(self) -> datetime:
        """The end of the chosen lifetime."""
        return timezone.now() + timedelta(days=int(self.cleaned_data["days"]))


class ProfileForm(forms.Form):
    """The zone in which times are shown, with UTC beside, and the language of the pages."""

    timezone = forms.ChoiceField(
        label=_("Time zone"), help_text=_("UTC is always shown beside it.")
    )
    language = forms.ChoiceField(
        label=_("Language"),
        choices=settings.LANGUAGES,
        help_text=_("Of the pages in this browser. Findings and the ledger are in English."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["timezone"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(name, name) for name in sorted(zoneinfo.available_timezones())]
