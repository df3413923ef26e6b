"""Forms of keeping evidence: hand-over, return, holds, destruction. Rules are in the services."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from cases.forms import ExhibitField
from cases.models import Exhibit


def _words(label: Any, help_text: Any = "") -> forms.CharField:
    return forms.CharField(
        label=label, help_text=help_text, widget=forms.Textarea(attrs={"rows": 2})
    )


class OfferForm(forms.Form):
    """Who is to take custody, and for what."""

    receiver = forms.ModelChoiceField(queryset=User.objects.none(), label=_("Receiver"))
    purpose = forms.CharField(label=_("Purpose"))

    def __init__(self, *args: Any, receivers: QuerySet[User], **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["receiver"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = receivers


class ReturnForm(forms.Form):
    """To whom the source item was given back."""

    returned_to = forms.CharField(label=_("Returned to"), max_length=500)
    purpose = forms.CharField(label=_("Purpose"))
    authority = forms.CharField(
        label=_("Authority"), required=False, help_text=_("Order, consent or request number.")
    )


class DestructionForm(forms.Form):
    """Why the bytes may be destroyed, and by whose authority."""

    reason = _words(_("Reason"))
    authority = forms.CharField(label=_("Authority"), help_text=_("Order or retention rule."))


class HoldForm(forms.Form):
    """The matter for which nothing may be destroyed."""

    matter = forms.CharField(
        label=_("Matter"), max_length=200, help_text=_("Name or number of the proceeding.")
    )
    reason = _words(_("Reason"))
    exhibit = ExhibitField(label=_("Exhibit"))

    def __init__(self, *args: Any, exhibits: QuerySet[Exhibit], **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["exhibit"]
        assert isinstance(field, ExhibitField)
        field.offer(exhibits)
