"""The pages speak German as well, by the browser's wish or by the reader's choice."""

from __future__ import annotations

import gettext
from pathlib import Path

from django.test import Client

from accounts.models import User

CATALOGUE = Path(__file__).resolve().parents[2] / "locale/de/LC_MESSAGES/django.po"


def test_a_browser_that_asks_for_german_gets_it(client: Client) -> None:
    page = client.get("/help/", headers={"Accept-Language": "de"}).content.decode()
    assert '<html lang="de">' in page
    assert "Was dieses Werkzeug nicht kann" in page


def test_the_choice_is_kept(client: Client, alice: User) -> None:
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    client.post("/account/security/", {"timezone": "Europe/Berlin", "language": "de"})
    page = client.get("/").content.decode()
    assert "Was auf Sie wartet" in page
    alice.refresh_from_db()
    assert alice.timezone == "Europe/Berlin"


def test_the_compiled_catalogue_holds_every_written_translation() -> None:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for block in CATALOGUE.read_text(encoding="utf-8").split("\n\n")[1:]:
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        if len(lines) != 2:
            continue  # plural forms have more lines
        original, translated = (line.split(" ", 1)[1][1:-1] for line in lines)
        assert compiled.gettext(_unescaped(original)) == _unescaped(translated)


def _unescaped(text: str) -> str:
    return text.replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")
