"""Checks of text that services share."""

from django.utils.translation import gettext as _

from cases.errors import InvalidInput


def required_text(value: str, field: str, limit: int = 10_000) -> str:
    """``value`` without surrounding space; InvalidInput when it is empty or too long."""
    text = value.strip()
    if not text:
        raise InvalidInput(
            field, _("Please state the %(field)s.") % {"field": field.replace("_", " ")}
        )
    if len(text) > limit:
        raise InvalidInput(
            field,
            _("The %(field)s is longer than %(limit)s characters.")
            % {"field": field.replace("_", " "), "limit": limit},
        )
    return text
