"""The ledger in Django admin."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test import Client

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEvent
from tests.audit.ledgers import FIRST_CASE, drop_triggers, three_chains

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/audit/auditevent/"


@pytest.fixture
def admin_client(admin_user: User, client: Client) -> Client:
    client.force_login(admin_user)
    return client


def test_entries_can_be_found_and_not_changed(admin_client: Client) -> None:
    three_chains(2)
    page = admin_client.get(LIST, {"q": str(FIRST_CASE)}).content.decode()
    assert page.count("evidence.verified</a>") + page.count(">evidence.verified<") >= 2
    entry = AuditEvent.objects.earliest("id")
    assert admin_client.get(f"{LIST}{entry.pk}/change/").status_code == 200
    assert admin_client.post(f"{LIST}{entry.pk}/change/", {"action": "x"}).status_code == 403
    assert admin_client.post(f"{LIST}{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.get(f"{LIST}add/").status_code == 403


def test_the_button_verifies_and_names_the_damage(admin_client: Client) -> None:
    three_chains(2)
    page = admin_client.post(f"{LIST}verify/", follow=True).content.decode()
    assert "The ledger is intact" in page
    drop_triggers()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_auditevent SET ip = 'x' WHERE chain = %s", [str(FIRST_CASE)])
    page = admin_client.post(f"{LIST}verify/", follow=True).content.decode()
    assert f"dited: {FIRST_CASE} entry 1: entry 1 (evidence.verified)" in page
    assert AuditEvent.objects.filter(action=Action.LEDGER_VERIFIED).count() == 2


def test_selected_entries_are_exported_and_the_export_is_recorded(admin_client: Client) -> None:
    three_chains(1)
    chosen = list(AuditEvent.objects.filter(case_id=FIRST_CASE).values_list("pk", flat=True))
    form = {"action": "export_json", "_selected_action": chosen}
    answer = admin_client.post(LIST, form)
    lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert [json.loads(line)["record"]["case"] for line in lines] == [str(FIRST_CASE)]
    answer = admin_client.post(LIST, {**form, "action": "export_csv"})
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert text.splitlines()[0].startswith("chain,seq,occurred_at")
    exports = AuditEvent.objects.filter(action=Action.LEDGER_EXPORTED)
    assert [entry.payload["format"] for entry in exports] == ["jsonl", "csv"]


def test_an_edit_in_the_admin_reaches_the_ledger(admin_client: Client, charlie: User) -> None:
    path = f"/admin/accounts/user/{charlie.pk}/change/"
    form = admin_client.get(path).context["adminform"].form
    given = {name: field for name, field in form.initial.items() if field not in (None, False)}
    moment = given.pop("date_joined")
    given |= {"date_joined_0": f"{moment:%Y-%m-%d}", "date_joined_1": f"{moment:%H:%M:%S}"}
    given["site_role"] = "auditor"
    assert admin_client.post(path, given).status_code == 302
    entry = AuditEvent.objects.get(action=Action.ADMIN_CHANGED)
    assert entry.subject == f"accounts.user:{charlie.pk}"
    assert entry.actor_label == "admin"
    assert "Site role" in entry.payload["changes"]


def test_ordinary_people_do_not_see_it(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.get(LIST).status_code in (302, 403)
    assert client.post(f"{LIST}verify/").status_code in (302, 403)
