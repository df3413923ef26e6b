"""Template tags every page shares: icons, times in the reader's zone, short hashes."""

from __future__ import annotations

import math
import zoneinfo
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import nh3
import structlog
from django import template
from django.conf import settings
from django.forms import BoundField
from django.http import HttpRequest, QueryDict
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

register = template.Library()

ICON_FOLDER = "vendor/tabler-icons-3.51.0"
SHORT_HASH = 12


@cache
def _icon_markup(name: str) -> str:
    source = Path(settings.BASE_DIR) / "static" / ICON_FOLDER / f"{name}.svg"
    markup = source.read_text(encoding="utf-8").strip()
    return markup.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1)


@register.simple_tag
def icon(name: str) -> SafeString:
    """The vendored icon ``name`` as inline SVG, hidden from screen readers.

    Raises FileNotFoundError for a name that is not vendored.
    """
    return mark_safe(_icon_markup(name))  # noqa: S308 - a file of ours, checked by hash


@register.simple_tag(takes_context=True)
def moment(context: dict[str, Any], value: datetime | None, *, seconds: bool = False) -> str:
    """A time in the reader's zone with UTC beside it, as ``<time>``; a dash for None."""
    if value is None:
        return "–"
    zone = _zone_of(context.get("request"))
    local = value.astimezone(zone)
    clock = "H:i:s" if seconds else "H:i"
    shown = formats.date_format(local, f"j M Y {clock}")
    utc = value.astimezone(UTC)
    if zone.key == "UTC":
        return format_html('<time datetime="{}">{} UTC</time>', utc.isoformat(), shown)
    beside = formats.date_format(utc, clock if utc.date() == local.date() else f"j M {clock}")
    return format_html(
        '<time datetime="{}">{} <span class="text-secondary">({} UTC)</span></time>',
        utc.isoformat(),
        shown,
        beside,
    )


@register.filter
def short_hash(value: str) -> str:
    """The first characters of a hash, enough to tell two apart on a page."""
    return f"{value[:SHORT_HASH]}…" if len(value) > SHORT_HASH else value


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: object) -> str:
    """The page's query string with ``changes`` applied; None or "" removes a key."""
    request: HttpRequest = context["request"]
    values: QueryDict = request.GET.copy()
    for key, value in changes.items():
        values.pop(key, None)
        if value not in (None, ""):
            values[key] = str(value)
    return f"?{values.urlencode()}" if values else "?"


@register.simple_tag
def request_id() -> str:
    """The number of the request being answered, as in the logs and the ledger; else empty."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def _zone_of(request: HttpRequest | None) -> zoneinfo.ZoneInfo:
    name = getattr(getattr(request, "user", None), "timezone", "") or "UTC"
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return zoneinfo.ZoneInfo(timezone.get_default_timezone_name())


_WIDGET_CLASSES = {"checkbox": "form-check-input", "select": "form-select"}


@register.filter
def styled(field: BoundField) -> SafeString:
    """A form field's widget with the class its kind wears."""
    worn = _WIDGET_CLASSES.get(field.widget_type, "form-control")
    attributes: dict[str, str | bool] = {"class": worn}
    if field.errors:
        attributes = {"class": f"{worn} is-invalid", "aria-invalid": "true"}
    return field.as_widget(attrs=attributes)


@register.filter
def spaced(value: object) -> str:
    """An identifier in words: underscores become spaces."""
    return str(value).replace("_", " ")


_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


@register.filter
def markdown(text: str) -> SafeString:
    """Markdown as cleaned HTML; HTML inside the text is shown, not obeyed."""
    return mark_safe(nh3.clean(_MARKDOWN.render(text)))  # noqa: S308 - cleaned by nh3


@register.filter
def percent(value: float | str | None) -> str:
    """A share as a percentage that never rounds to certainty; a dash for None or no figure.

    Templates hand over an empty text for a figure that a set of measurements does not have.
    """
    if value is None or isinstance(value, str):
        return "–"
    if 0 < value < 0.001:
        return "< 0.1 %"
    if 0.999 < value < 1:
        return "> 99.9 %"
    return f"{value * 100:.1f} %"


@register.filter
def duration_words(seconds: float | None) -> str:
    """A length of time in words: 12 s, 3 min, 1 h 20 min; a dash for None."""
    if seconds is None:
        return "–"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


@register.filter
def clock(seconds: float | None) -> str:
    """A position in a recording: 0:07.4, 1:02:03.0; a dash for None."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


@register.filter
def log10(value: float | None) -> float | None:
    """A natural-log likelihood ratio in log10 units."""
    return None if value is None else value / math.log(10)


@register.filter
def signed(value: float | None, digits: int = 2) -> str:
    """A number with its sign; a dash for None."""
    return "–" if value is None else f"{value:+.{digits}f}".replace("-", "−")
