"""Forms of the examination pages: shape and words; every rule is in ``ml`` and the services."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from detection.models import ReviewKind
from ml.errors import ParameterError
from ml.parameters import STRATEGIES, Parameters
from ml.profiles import FOLDER, profile_names

STRATEGY_LABELS = {
    "logistic": _("Logistic fusion; of sound and picture the more suspect (default)"),
    "weighted_average": _("Weighted average"),
    "majority": _("Majority vote"),
    "equal": _("Equal weights"),
    "video_trust": _("Video trust 85 : 15"),
    "adaptive": _("Adaptive weights by reliability"),
}


@cache
def profile_titles() -> list[tuple[str, str]]:
    """Name and title of each profile; the platform's own default comes first."""
    titles = []
    for name in profile_names():
        described = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
        titles.append((name, str(described["title"])))
    return sorted(titles, key=lambda pair: pair[0] != settings.DFD.profile)


class SettingsForm(forms.Form):
    """The settings of one analysis; an empty field leaves the profile's own value."""

    profile = forms.ChoiceField(label=_("Profile"))
    fusion_strategy = forms.ChoiceField(
        label=_("Fusion strategy"),
        required=False,
        choices=[
            ("", _("As the profile says")),
            *((name, STRATEGY_LABELS.get(name, name)) for name in STRATEGIES),
        ],
    )
    threshold = forms.FloatField(
        label=_("Decision threshold"),
        required=False,
        help_text=_("Probability above which the verdict is FAKE, 0.3 to 0.7."),
        widget=forms.NumberInput(attrs={"min": 0.3, "max": 0.7, "step": 0.01}),
    )
    audio_temperature = forms.FloatField(
        label=_("Audio temperature"),
        required=False,
        help_text=_("Divides the audio evidence, 1 to 10. Higher trusts audio less."),
        widget=forms.NumberInput(attrs={"min": 1, "max": 10, "step": 0.1}),
    )
    frame_step = forms.IntegerField(
        label=_("Frame step"),
        required=False,
        help_text=_("Take every k-th frame, 1 to 15, in profiles that sample by step."),
        widget=forms.NumberInput(attrs={"min": 1, "max": 15}),
    )
    max_frames = forms.IntegerField(
        label=_("Most frames"),
        required=False,
        help_text=_("8 to 500. More frames take longer."),
        widget=forms.NumberInput(attrs={"min": 8, "max": 500}),
    )
    prior = forms.FloatField(
        label=_("Prior probability of manipulation"),
        required=False,
        help_text=_("Stated by you, never estimated. It moves the probability, not the LR."),
        widget=forms.NumberInput(attrs={"min": 0.001, "max": 0.999, "step": "any"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        profile = self.fields["profile"]
        assert isinstance(profile, forms.ChoiceField)
        profile.choices = profile_titles()

    def clean(self) -> dict[str, Any]:
        """Check the numbers where the science checks them, and put its words at the field."""
        cleaned = super().clean() or {}
        try:
            Parameters.from_dict(self.parameters())
        except ParameterError as error:
            self.add_error(error.code if error.code in self.fields else None, error.message)
        return cleaned

    def parameters(self) -> dict[str, Any]:
        """Only what was set."""
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name != "profile" and value not in (None, "")
        }


class ReviewForm(forms.Form):
    """One person's word on an analysis."""

    kind = forms.ChoiceField(label=_("What is this"), choices=ReviewKind.choices)
    agrees = forms.NullBooleanField(
        label=_("Do you agree with the machine's finding?"),
        required=False,
        widget=forms.Select(
            choices=[("", _("I do not say")), ("true", _("I agree")), ("false", _("I disagree"))]
        ),
    )
    text = forms.CharField(
        label=_("Reasons"),
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("What you examined and why you conclude it. Nothing is ever overwritten."),
    )


class ReviewRequestForm(forms.Form):
    """Ask a member of the case for an opinion."""

    reviewer = forms.ChoiceField(label=_("Reviewer"))
    blind = forms.BooleanField(
        label=_("Hide the finding until the opinion is given"), required=False
    )

    def __init__(self, *args: Any, reviewers: Iterable[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reviewers = {str(user.pk): user for user in reviewers}
        field = self.fields["reviewer"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (key, user.get_full_name() or user.username) for key, user in self.reviewers.items()
        ]

    def clean_reviewer(self) -> User:
        """The chosen person."""
        return self.reviewers[self.cleaned_data["reviewer"]]
