"""What pages cost, who may open them, and what an outsider learns: nothing."""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import resolve

from accounts.models import User
from cases.models import Exhibit
from detection.models import Analysis
from tests.web.addresses import NO_PAGES, our_routes, pages_of_a_case, pages_of_everybody
from tests.web.conftest import finished, just_signed_in

READS = 12
BUDGETS = Path(__file__).with_name("query_budget.json")
NOT_WITH_GET = 405
FIRST_LOAD = 500_000  # bytes, compressed, without the recording itself
LINKED = re.compile(rb'(?:src|href)="/static/([^"]+)"')
IMPORTED = re.compile(r'^import [^"]*"(\.[^"]+)"', re.MULTILINE)
# Appending to the ledger locks the heads of two chains; a view of evidence is such an entry.
LEDGER_WRITES = ("INSERT", "UPDATE", "SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")


def reads_of(client: Client, address: str) -> list[str]:
    """The SELECTs of one page outside the ledger's own bookkeeping."""
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(address).status_code == 200, address
    statements = [str(query["sql"]) for query in queries.captured_queries]
    return [
        sql
        for sql in statements
        if not sql.startswith(LEDGER_WRITES) and "audit_chainhead" not in sql
    ]


@pytest.mark.usefixtures("redis_server")
def test_every_page_is_in_the_list(alice: User, every_page: dict[str, str]) -> None:
    listed = {resolve(address.split("?")[0]).view_name for address in every_page.values()}
    client = just_signed_in(alice)
    missing = [
        name
        for name, address in our_routes()
        if name not in listed | NO_PAGES and client.get(address).status_code != NOT_WITH_GET
    ]
    assert missing == []


@pytest.mark.usefixtures("redis_server")
def test_every_page_answers_within_its_budget(alice: User, every_page: dict[str, str]) -> None:
    """The committed number of reads is the budget; a page that needs more must be worth it.

    ``DFD_WRITE_BUDGETS=1`` writes the file anew; READS stays the limit all the same.
    """
    client = just_signed_in(alice)
    reads = {name: reads_of(client, address) for name, address in every_page.items()}
    if os.environ.get("DFD_WRITE_BUDGETS"):
        counts = {name: len(statements) for name, statements in sorted(reads.items())}
        BUDGETS.write_text(json.dumps(counts, indent=2) + "\n", encoding="utf-8")
    budgets = json.loads(BUDGETS.read_text(encoding="utf-8"))
    assert set(budgets) == set(reads), "DFD_WRITE_BUDGETS=1 writes them"
    assert max(budgets.values()) <= READS
    dear = {
        name: [sql[:160] for sql in statements]
        for name, statements in reads.items()
        if len(statements) > budgets[name]
    }
    assert dear == {}


@pytest.mark.usefixtures("redis_server")
def test_more_rows_cost_no_more_queries(
    alice: User, finding: Analysis, exhibits: dict[str, Exhibit]
) -> None:
    client = just_signed_in(alice)
    pages = pages_of_a_case(finding)
    listed = {name: pages[name] for name in ("evidence", "analyses", "exhibit")}
    before = {name: len(reads_of(client, address)) for name, address in listed.items()}
    for exhibit in exhibits.values():
        finished(alice, exhibit)
    after = {name: len(reads_of(client, address)) for name, address in listed.items()}
    assert after == before


@pytest.mark.usefixtures("redis_server")
def test_an_outsider_finds_nothing(charlie: User, finding: Analysis) -> None:
    client = just_signed_in(charlie)
    for address in pages_of_a_case(finding).values():
        answer = client.get(address)
        assert answer.status_code == 404, address
        assert finding.exhibit.name not in answer.content.decode()
    for address in ("/", "/cases/", "/search/?q=call"):
        assert finding.exhibit.name not in client.get(address).content.decode()


def test_pages_ask_for_a_sign_in(client: Client) -> None:
    for name, address in pages_of_everybody().items():
        if name != "help":
            answer = client.get(address)
            assert answer.status_code == 302, name
            assert answer["Location"].startswith("/account/login/"), name


def test_an_auditor_reads_but_is_offered_no_change(auditor: User, finding: Analysis) -> None:
    client = just_signed_in(auditor)
    page = client.get(f"/cases/{finding.exhibit.case.number}/").content.decode()
    assert finding.exhibit.name in page
    assert "Add evidence" not in page
    assert "Analyse selected" not in page


def test_error_pages_say_what_to_do(alice: User) -> None:
    missing = just_signed_in(alice).get("/nothing/here/").content.decode()
    assert "There is nothing at this address" in missing
    assert "ask its manager to add you" in missing


def test_signing_up_is_not_offered(db: None, client: Client) -> None:
    assert "sign up" not in client.get("/account/login/").content.decode().lower()


@pytest.mark.usefixtures("redis_server")
def test_a_first_visit_transfers_little(alice: User, every_page: dict[str, str]) -> None:
    client = just_signed_in(alice)
    heavy = {}
    for name, address in every_page.items():
        page = client.get(address).content
        linked = {name.decode() for name in LINKED.findall(page)}
        assert len(linked) >= 4, name
        files = set.union(*(with_imports(file) for file in linked))
        size = sum(len(gzip.compress(content_of(file))) for file in files)
        if size + len(gzip.compress(page)) > FIRST_LOAD:
            heavy[name] = size
    assert heavy == {}


def content_of(file: str) -> bytes:
    """A static file of ours or of a package."""
    return Path(str(finders.find(file))).read_bytes()


def with_imports(file: str) -> set[str]:
    """The static file and, for a module, all that it imports."""
    found = {file}
    if file.startswith("dfd/") and file.endswith(".js"):
        for name in IMPORTED.findall(content_of(file).decode()):
            found |= with_imports(str((Path("/") / file).parent.joinpath(name).resolve())[1:])
    return found


@pytest.mark.usefixtures("redis_server")
def test_every_page_carries_the_strict_policy(alice: User, every_page: dict[str, str]) -> None:
    client = just_signed_in(alice)
    others = {
        "nothing here": "/nowhere/",
        "sign in": "/account/login/",
        "administration": "/admin/",
    }
    for name, address in {**every_page, **others}.items():
        policy = policy_of(client.get(address))
        assert policy["default-src"] == {"'none'"}, name
        assert policy["object-src"] == policy["base-uri"] == {"'none'"}, name
        assert policy["frame-ancestors"] == {"'none'"}, name
        for kind, named in policy.items():
            sources = {source for source in named if not source.startswith("'nonce-")}
            assert not {source for source in sources if "unsafe" in source}, (name, kind)
            assert not {source for source in sources if "*" in source or "//" in source}, name
        assert {source[:7] for source in policy["script-src"]} <= {"'self'", "'nonce-"}, name


def policy_of(answer: HttpResponse) -> dict[str, set[str]]:
    """The Content-Security-Policy by directive."""
    directives = [part.split() for part in answer["Content-Security-Policy"].split(";")]
    return {words[0]: set(words[1:]) for words in directives if words}
