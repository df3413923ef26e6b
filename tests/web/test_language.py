"""The pages speak German as well, by the browser's wish or by the reader's choice."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import translation
from django.utils.translation.template import templatize

from accounts.models import User
from audit.models import AuditEvent
from cases.models import Case, CustodyEvent, Exhibit

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "locale/de/LC_MESSAGES/django.po"
ROOMS = ("accounts", "audit", "cases", "detection", "dfd_platform", "reports", "webhooks")
CALLS = ("_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy")
# What Django's own extractor makes of a template tag.
IN_TEMPLATE = re.compile(r"""\b(?:gettext|_)\(\s*u?("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
PLACEHOLDER = re.compile(r"%\((\w+)\)")


def _blocks() -> Iterator[str]:
    """The entries of the catalogue without its head."""
    yield from CATALOGUE.read_text(encoding="utf-8").split("\n\n")[1:]


@pytest.fixture(scope="module")
def compiled() -> gettext.GNUTranslations:
    """The catalogue as the pages read it."""
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        return gettext.GNUTranslations(file)


@pytest.fixture(autouse=True)
def _own_language() -> Iterator[None]:
    """The last request's language stays active in the thread; leave none to the next test."""
    yield
    translation.deactivate()


def _words_of_python(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
            continue
        first = node.args[0]
        if node.func.id in CALLS and isinstance(first, ast.Constant):
            yield str(first.value)


def _words_of_template(path: Path) -> Iterator[str]:
    source = templatize(path.read_text(encoding="utf-8"), origin=str(path))
    for literal in IN_TEMPLATE.findall(source):
        yield str(ast.literal_eval(literal))
    for literal in re.findall(r"""ngettext\(\s*u?("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""", source):
        yield str(ast.literal_eval(literal))


def words() -> dict[str, str]:
    """Every text that goes through gettext, with the file it stands in."""
    found: dict[str, str] = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            found |= dict.fromkeys(_words_of_python(path), str(path.relative_to(ROOT)))
    for path in sorted((ROOT / "templates").rglob("*.html")):
        found |= dict.fromkeys(_words_of_template(path), str(path.relative_to(ROOT)))
    return {text: where for text, where in found.items() if text.strip()}


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


def test_a_refusal_is_told_in_the_readers_language(client: Client, alice: User, case: Case) -> None:
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    page = client.post(
        f"/cases/{case.number}/people/{alice.pk}/remove/",
        headers={"Accept-Language": "de"},
        follow=True,
    ).content.decode()
    assert "Ein Fall braucht eine Leitung." in page


@pytest.mark.usefixtures("redis_server")
def test_the_record_stays_in_english(
    client: Client, alice: User, exhibits: dict[str, Exhibit]
) -> None:
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    exhibit = exhibits["audio"]
    client.get(
        f"/cases/{exhibit.case.number}/exhibits/{exhibit.number}/",
        headers={"Accept-Language": "de"},
    )
    seen = CustodyEvent.objects.filter(exhibit=exhibit, kind="viewed").get()
    assert seen.purpose == "looked at the exhibit's page"


def test_a_refused_file_is_told_in_german_and_recorded_in_english(
    client: Client, alice: User, case: Case
) -> None:
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    page = client.post(
        f"/cases/{case.number}/upload/",
        {"files": SimpleUploadedFile("call.wav", b"a text, and no recording at all")},
        headers={"Accept-Language": "de"},
        follow=True,
    ).content.decode()
    assert "Der Inhalt: Text, keine Aufnahme." in page
    refused = AuditEvent.objects.get(action="evidence.refused")
    assert refused.payload["message"].startswith("The content is text, not a recording.")


def test_every_text_of_the_pages_has_its_german(compiled: gettext.GNUTranslations) -> None:
    known = set(compiled._catalog)  # type: ignore[attr-defined]  # gettext offers no list
    known |= {key[0] for key in known if isinstance(key, tuple)}
    missing = {text: where for text, where in words().items() if text not in known}
    assert missing == {}, "make messages, then translate and compile them"


def test_no_translation_is_doubtful_or_empty() -> None:
    blocks = list(_blocks())
    assert len(blocks) > 600
    doubtful = [block for block in blocks if "#, fuzzy" in block]
    empty = [block for block in blocks if re.search(r'msgstr(\[\d\])? ""\s*(\nmsgstr|$)', block)]
    assert doubtful + empty == []


def test_translations_keep_the_places_for_values(compiled: gettext.GNUTranslations) -> None:
    catalogue = compiled._catalog  # type: ignore[attr-defined]
    wrong = {
        text: translated
        for text, translated in catalogue.items()
        if isinstance(text, str)
        and text
        and set(PLACEHOLDER.findall(text)) != set(PLACEHOLDER.findall(translated))
    }
    assert wrong == {}


def test_the_compiled_catalogue_holds_every_written_translation(
    compiled: gettext.GNUTranslations,
) -> None:
    for block in _blocks():
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        if len(lines) != 2:
            continue  # plural forms have more lines
        original, translated = (line.split(" ", 1)[1][1:-1] for line in lines)
        assert compiled.gettext(_unescaped(original)) == _unescaped(translated)


def _unescaped(text: str) -> str:
    return text.replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")
