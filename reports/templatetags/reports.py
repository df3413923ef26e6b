"""Filters of the report's template."""

from django import template

register = template.Library()


@register.filter
def utc(moment: str) -> str:
    """A time of the extract to the second, ``2026-01-31 23:59:59 UTC``; empty for none."""
    return f"{moment[:10]} {moment[11:19]} UTC" if moment else ""


@register.filter
def listed(value: object) -> str:
    """A value as text, the members of a list separated by commas."""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
