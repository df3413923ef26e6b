"""Every page and API route, for every role, in an own and in a foreign case.

The table in ``routes.py`` names the action that each method of each route needs; who may do that
action stands in ``cases.permissions.ROLE_ACTIONS``. From both follows what every request answers:

* allowed: it works (or meets a state that stands against it, such as a case already open);
* not allowed in a case the role may see: 403, or 404 where the thing itself is hidden from it;
* in a foreign case: 404, the same as for something that does not exist;
* not signed in: the sign-in page, or 401 from the API;

and a body never holds words of a case that the role may not read.
"""

from __future__ import annotations

import io
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.actors import user_actor
from accounts.models import User
from cases import services
from cases.models import Case
from cases.permissions import ROLE_ACTIONS, CaseAction, CaseRole, Standing
from detection import services as examination
from reports import services as reporting
from tests.cases.media import wav_bytes
from tests.detection.conftest import outcome_for, png
from tests.matrix.routes import ELSEWHERE, PUBLIC, ROUTES, SIGNED_IN, SITE_ROLE, Need

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_server")]

ROLES: dict[str, frozenset[CaseAction]] = {
    **{role.value: ROLE_ACTIONS[role] for role in CaseRole},
    "auditor": ROLE_ACTIONS[Standing.AUDITOR],
    "administrator": frozenset(),
    "administrator with broken glass": ROLE_ACTIONS[Standing.BREAK_GLASS],
    "outsider": frozenset(),
    "nobody": frozenset(),
}
WORKED = {200, 201, 202, 204, 206, 302, 303, 409, 422}
SIGN_IN = "/account/login/"
FINDING_WORDS = "The face branch responded."


def routes() -> Iterator[tuple[str, list[str]]]:
    """Name and parameters of every route, except Django admin's and allauth's own."""
    yield from _below(get_resolver(), "", ())


def _below(
    resolver: URLResolver, prefix: str, spaces: tuple[str, ...]
) -> Iterator[tuple[str, list[str]]]:
    for item in resolver.url_patterns:
        where = prefix + str(item.pattern)
        if where.startswith("admin/"):
            continue
        if isinstance(item, URLPattern):
            if not (where.startswith("account/") and not spaces):
                name = item.name or where.rsplit("/", 1)[-1]
                yield ":".join((*spaces, name)), list(item.pattern.converters)
        else:
            space = (*spaces, item.namespace) if item.namespace else spaces
            yield from _below(item, where, space)


def parameters() -> dict[str, list[str]]:
    """The parameters of every route by its name, those of the prefix included."""
    found: dict[str, list[str]] = dict(routes())
    return found


def test_every_route_is_in_the_table() -> None:
    present = set(parameters())
    unknown = present - set(ROUTES) - set(ELSEWHERE)
    assert not unknown, f"say in tests/matrix/routes.py what these need: {sorted(unknown)}"
    gone = (set(ROUTES) | set(ELSEWHERE)) - present
    assert not gone, f"take these out of tests/matrix/routes.py: {sorted(gone)}"


def furnish(manager: User, case: Case, word: str, spare: User) -> dict[str, Any]:
    """A case with one of everything; ``word`` is in every text that must not leak."""
    actor = user_actor(manager)
    picture = services.receive_evidence(
        actor=actor, case=case, stream=io.BytesIO(png(len(word))), filename=f"{word}.png"
    )
    services.receive_evidence(
        actor=actor, case=case, stream=io.BytesIO(wav_bytes()), filename=f"{word}.wav"
    )
    services.add_note(actor=actor, case=case, text=f"{word[::-1]} in a note")
    doomed = services.receive_evidence(
        actor=actor, case=case, stream=io.BytesIO(wav_bytes(tone=99)), filename=f"{word}.wav"
    )
    asked = services.request_destruction(actor=actor, exhibit=doomed, reason=word, authority=word)
    second = user_actor(User.objects.get(username="second"))
    services.add_member(actor=actor, case=case, user=second.user, role="manager")
    services.approve_destruction(actor=second, request=asked)
    admin = User.objects.get(username="admin")
    access = services.open_break_glass(actor=user_actor(admin), case=case, reason=word)
    hold = services.place_hold(actor=actor, case=case, matter=word, reason=word)
    runs = [examined(actor, picture) for _ in range(2)]
    export = exported(reporting.request_report(actor=actor, analysis=runs[0], kind="report_html"))
    artefact = runs[0].artefacts.first()
    wanted = examination.request_review(actor=second, analysis=runs[0], reviewer=manager)
    given = examination.add_review(
        actor=actor, analysis=runs[0], kind="opinion", text=f"{word[::-1]} in an opinion"
    )
    return {
        "case": case, "word": word, "spare": spare, "reviewer": manager,
        "number": case.number, "case_id": case.pk, "username": "member", "user_id": "member",
        "exhibit_number": picture.number, "exhibit_id": picture.pk, "sha256": picture.sha256,
        "analysis_id": runs[0].pk, "other_id": runs[1].pk, "artefact_id": artefact.pk,
        "export_id": export.pk, "hold_id": hold.pk, "request_id": asked.pk,
        "access_id": access.pk, "review_request_id": wanted.pk, "review_id": given.pk,
        "receiver_id": User.objects.get(username="member").pk,
    }  # fmt: skip


def exported(order: Any) -> Any:
    """The export of an order, made in this transaction (the task would take a connection anew)."""
    claimed = reporting.claim(str(order.pk))
    return reporting.make(claimed)


def examined(actor: Any, exhibit: Any) -> Any:
    """A complete analysis of the exhibit."""
    queued = examination.submit_analysis(actor=actor, exhibit=exhibit)
    running = examination.claim_analysis(str(queued.pk), "worker-1")
    examination.record_environment(
        analysis=running, evidence_sha256=exhibit.sha256, environment={"python": "3"}
    )
    examination.store_result(analysis=running, outcome=outcome_for(exhibit))
    running.refresh_from_db()
    return running


@pytest.fixture
def world(alice: User) -> dict[str, dict[str, Any]]:
    """Rows of an own and a foreign case, both Alice's."""
    spare = User.objects.create_user("spare")
    member = User.objects.create_user("member")
    User.objects.create_user("second")
    User.objects.create_user("admin", site_role="administrator")
    rows = {}
    for name, word in (("own", "Kingfisher"), ("foreign", "Nightingale")):
        case = services.create_case(
            actor=user_actor(alice), title=f"{word} title", description=f"{word} description"
        )
        services.add_member(actor=user_actor(alice), case=case, user=member, role="examiner")
        rows[name] = furnish(alice, case, word, spare)
        rows[name]["user_id"] = member.pk
    return rows


def signed_in(role: str, own: Case, manager: User) -> Client:
    """A browser of somebody who has the role in the own case only, and has just signed in."""
    client = Client()
    if role == "nobody":
        return client
    site_role = role.split()[0] if role.split()[0] in ("auditor", "administrator") else ""
    user = User.objects.create_user("tested", site_role=site_role)
    if role in CaseRole.values:
        services.add_member(actor=user_actor(manager), case=own, user=user, role=role)
    if role.endswith("broken glass"):
        services.open_break_glass(actor=user_actor(user), case=own, reason="test")
    client.force_login(user)
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    return client


def ask(client: Client, method: str, name: str, need: Need, rows: dict[str, Any]) -> Any:
    """Send the request; what it changed in the database is taken back."""
    values = {key: rows[key] for key in parameters()[name]}
    address = reverse(name, kwargs=values)
    options: dict[str, Any] = {"data": need.body(rows)}
    if method != "get" and need.json:
        options["content_type"] = "application/json"
    cache.clear()  # the rate limits
    with transaction.atomic():
        answer = getattr(client, method)(address, **options)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        transaction.set_rollback(True)
    return answer, body.decode("utf-8", "replace")


def may(role: str, need: Need, case: str) -> bool:
    """Whether the table lets the role do it."""
    if need.action == PUBLIC:
        return True
    if need.action == SIGNED_IN:
        return role != "nobody"
    if need.action == SITE_ROLE:
        return role.split()[0] in ("administrator", "auditor")
    return need.action in ROLES[role] and sees(role, case)


def sees(role: str, case: str) -> bool:
    """Whether the role may know that the case exists."""
    return role == "auditor" or (case == "own" and CaseAction.VIEW in ROLES[role])


def hidden_words(role: str, world: dict[str, Any]) -> set[str]:
    """Words that no answer to the role may hold."""
    words = set()
    for case, rows in world.items():
        if not sees(role, case):
            words |= {rows["word"], rows["sha256"]}
        if not (sees(role, case) and CaseAction.VIEW_FINDINGS in ROLES[role]):
            words.add(rows["word"][::-1])
    if CaseAction.VIEW_FINDINGS not in ROLES[role]:
        words.add(FINDING_WORDS)
    return words


def fault(role: str, name: str, need: Need, case: str, answer: Any) -> str:
    """What is wrong with the status of the answer, or empty."""
    status, goes_to = answer.status_code, answer.headers.get("Location", "")
    if may(role, need, case):
        right = status in WORKED and SIGN_IN not in goes_to and "reauthenticate" not in goes_to
    elif role == "nobody":
        right = status == 401 or goes_to.startswith(SIGN_IN)
    elif need.action == SITE_ROLE or sees(role, case):
        right = status in (403, 404)
    else:
        right = status == 404
    return "" if right else f"{status} {goes_to}".strip()


@pytest.mark.parametrize("role", ROLES)
def test_every_route(world: dict[str, Any], alice: User, role: str) -> None:
    client = signed_in(role, world["own"]["case"], alice)
    hidden = hidden_words(role, world)
    faults = {}
    for name, methods in ROUTES.items():
        for method, need in methods.items():
            for case, rows in world.items():
                answer, body = ask(client, method, name, need, rows)
                asked_for = set(need.body(rows).values()) if method == "get" else set()
                leaked = {word for word in hidden - asked_for if word in body}
                if need.action == SITE_ROLE and may(role, need, case):
                    leaked = set()  # the whole ledger, hashes included
                wrong = fault(role, name, need, case, answer)
                if wrong or leaked:
                    faults[f"{method} {name} in the {case} case"] = wrong, leaked
    assert not faults


def test_things_that_do_not_exist_look_like_foreign_ones(
    world: dict[str, Any], alice: User
) -> None:
    client = signed_in("examiner", world["own"]["case"], alice)
    nothing = {key: uuid.uuid4() for key in world["own"]}
    nothing.update(number="1999-0001", exhibit_number=1, user_id=0, username="x", word="x")
    nothing["receiver_id"] = 0
    nothing["reviewer"] = nothing["spare"] = alice
    for name, methods in ROUTES.items():
        if not parameters()[name]:
            continue
        for method, need in methods.items():
            absent, _ = ask(client, method, name, need, nothing)
            foreign, _ = ask(client, method, name, need, world["foreign"])
            assert absent.status_code == foreign.status_code == 404, (method, name)
