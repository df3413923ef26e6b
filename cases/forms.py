"""Forms of the case pages: shape and words only; every rule is in the services."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from cases.acquisition import Acquisition
from cases.models import Case, Exhibit
from cases.permissions import CaseRole

MOST_SUGGESTED = 200

SORTS = {
    "number": ("number",),
    "title": ("title", "number"),
    "created": ("created_at", "number"),
    "status": ("status", "number"),
}


class CaseFilter(forms.Form):
    """Search, status and order of the case table, read from the address."""

    q = forms.CharField(required=False, strip=True)
    status = forms.ChoiceField(
        required=False, choices=[("", _("Open and closed")), *Case.Status.choices]
    )
    sort = forms.CharField(required=False)

    def clean_sort(self) -> str:
        """The order, newest first unless a known one is asked for."""
        wanted = str(self.cleaned_data["sort"])
        return wanted if wanted.removeprefix("-") in SORTS else "-created"

    def ordering(self) -> list[str]:
        """The order as fields of Case."""
        wanted = self.cleaned_data["sort"]
        sign = "-" if wanted.startswith("-") else ""
        return [f"{sign}{name}" for name in SORTS[wanted.removeprefix("-")]]


class CaseForm(forms.Form):
    """Title and description of a case."""

    title = forms.CharField(
        label=_("Title"),
        max_length=200,
        help_text=_("What you will look for later, for example “Voice message to the bank”."),
        widget=forms.TextInput(attrs={"autofocus": True}),
    )
    description = forms.CharField(
        label=_("Description"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("The question asked, by whom, and reference numbers."),
    )


class ReasonForm(forms.Form):
    """A reason in words."""

    reason = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 2}))


class FilesInput(forms.ClearableFileInput):
    """A file field that takes several files."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """A list of uploaded files."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        files = data if isinstance(data, list | tuple) else [data]
        # Empty files go on to intake, which refuses them with its own words and records it.
        return [file for file in files if file is not None] or [super().clean(None, initial)]


class AcquisitionForm(forms.Form):
    """How the recordings came to the laboratory."""

    source = forms.CharField(
        label=_("Source"),
        required=False,
        help_text=_("Device, account or address the recording comes from."),
    )
    collector = forms.CharField(
        label=_("Collected by"), required=False, help_text=_("Who obtained it.")
    )
    authority = forms.CharField(
        label=_("Authority"), required=False, help_text=_("Warrant, consent or request number.")
    )
    method = forms.CharField(
        label=_("Method"), required=False, help_text=_("Download, extraction, handed over …")
    )
    acquired_at = forms.DateTimeField(
        label=_("Acquired at"),
        required=False,
        help_text=_("In your own time zone."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )

    def __init__(self, *args: Any, zone: str = "UTC", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone = zone

    def acquisition(self) -> Acquisition:
        """The record of a valid form."""
        given = self.cleaned_data
        when = given["acquired_at"]
        return Acquisition(
            source=given["source"],
            collector=given["collector"],
            authority=given["authority"],
            method=given["method"],
            acquired_at=when and when.replace(tzinfo=zoneinfo.ZoneInfo(self.zone)),
        )


class UploadForm(AcquisitionForm):
    """Plain upload: works without JavaScript."""

    files = FilesField(label=_("Files"))  # type: ignore[assignment]  # Form.files is another thing
    field_order = ("files", "source", "collector", "authority", "method", "acquired_at")


class ExhibitInput(forms.NumberInput):
    """A number with the names of the first exhibits beside it: a select of thousands is no help."""

    exhibits: QuerySet[Exhibit] = Exhibit.objects.none()

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        listed = self.exhibits.values_list("number", "name")[:MOST_SUGGESTED]
        names = f"{name}-names"
        return format_html(
            '{}<datalist id="{}">{}</datalist>',
            super().render(name, value, {**(attrs or {}), "list": names}, renderer),
            names,
            format_html_join("", '<option value="{}">{}</option>', listed),
        )


class ExhibitField(forms.IntegerField):
    """One exhibit of the case by its number, or None for the whole case."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            required=False,
            min_value=1,
            widget=ExhibitInput,
            help_text=_("The exhibit's number; empty for the whole case."),
            **options,
        )

    def offer(self, exhibits: QuerySet[Exhibit]) -> None:
        """Take ``exhibits`` as those of the case."""
        assert isinstance(self.widget, ExhibitInput)
        self.widget.exhibits = exhibits

    def clean(self, value: Any) -> Any:
        """The exhibit with this number."""
        number = super().clean(value)
        if number is None:
            return None
        assert isinstance(self.widget, ExhibitInput)
        exhibit = self.widget.exhibits.filter(number=number).first()
        if exhibit is None:
            raise forms.ValidationError(
                _("There is no exhibit %(number)s in this case."), params={"number": number}
            )
        return exhibit


class NoteForm(forms.Form):
    """A note in Markdown on the case or one exhibit."""

    text = forms.CharField(
        label=_("Note"),
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("Markdown. A note cannot be changed later; write another one to correct it."),
    )
    exhibit = ExhibitField(label=_("About exhibit"))
    corrects = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, exhibits: QuerySet[Exhibit], **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["exhibit"]
        assert isinstance(field, ExhibitField)
        field.offer(exhibits)


class NotePlace(forms.Form):
    """The note that a link leads to."""

    note = forms.UUIDField()


class MemberForm(forms.Form):
    """A person and their role in the case."""

    username = forms.CharField(label=_("User name"), max_length=150)
    role = forms.ChoiceField(label=_("Role"), choices=CaseRole.choices, initial=CaseRole.EXAMINER)

    def clean_username(self) -> User:
        name = self.cleaned_data["username"]
        user = User.objects.filter(username=name, is_active=True).first()
        if user is None:
            raise forms.ValidationError(
                _("There is no active account “%(name)s”. Check the spelling."),
                params={"name": name},
            )
        return user


def first_errors(form: forms.Form) -> Iterable[str]:
    """Each field's first error with the field's name, for a message after a redirect."""
    for name, errors in form.errors.items():
        label = form.fields[name].label if name in form.fields else ""
        yield f"{label}: {errors[0]}" if label else str(errors[0])
