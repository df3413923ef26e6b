"""Figures as the pages and reports print them."""

import pytest
from django.template import Context, Template


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "50.0 %"), (0.0, "0.0 %"), (1e-5, "&lt; 0.1 %"), (0.99999, "&gt; 99.9 %"), (None, "–")],
)
def test_a_share_never_rounds_to_certainty(value: float | None, text: str) -> None:
    page = Template("{% load dfd %}{{ value|percent }}").render(Context({"value": value}))
    assert page == text


def test_a_set_without_a_figure_shows_a_dash() -> None:
    page = Template("{% load dfd %}{{ set.fpr|percent }}").render(Context({"set": {"n": 81}}))
    assert page == "–"
