"""Checks of text that services share."""

from cases.errors import InvalidInput


def required_text(value: str, field: str, limit: int = 10_000) -> str:
    """``value`` without surrounding space; InvalidInput when it is empty or too long."""
    text = value.strip()
    if not text:
        raise InvalidInput(field, f"Please state the {field.replace('_', ' ')}.")
    if len(text) > limit:
        raise InvalidInput(
            field, f"The {field.replace('_', ' ')} is longer than {limit} characters."
        )
    return text
