"""What every page inside a case shares: the case itself, the tabs and who may do what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest
from django_htmx.middleware import HtmxDetails

from accounts.actors import Actor, actor_for
from cases.errors import CasesError
from cases.models import Case, Exhibit
from cases.selectors import actions_in, get_case, get_exhibit_by_number


class HtmxRequest(HttpRequest):
    """A request as django-htmx's middleware leaves it: true when htmx asks for a part."""

    htmx: HtmxDetails


def case_or_404(actor: Actor, number: str) -> Case:
    """The case, or Http404 for a foreign one just as for an unknown one."""
    try:
        return get_case(actor, number)
    except Case.DoesNotExist as error:
        raise Http404 from error


def exhibit_or_404(actor: Actor, number: str, exhibit_number: int) -> Exhibit:
    """The exhibit with its case, or Http404."""
    try:
        return get_exhibit_by_number(actor, number, exhibit_number)
    except Exhibit.DoesNotExist as error:
        raise Http404 from error


def case_page(request: HttpRequest, number: str, *, tab: str) -> dict[str, Any]:
    """The context of ``cases/case_base.html``: ``case``, ``actor``, ``may`` and ``tab``."""
    actor = actor_for(request)
    case = case_or_404(actor, number)
    return {"case": case, "actor": actor, "may": may(actor, case), "tab": tab, "nav": "cases"}


def may(actor: Actor, case: Case) -> dict[str, bool]:
    """The allowed actions by name, so that a template can ask ``{% if may.contribute %}``."""
    return {str(action): True for action in actions_in(actor, case)}


def telling(change: Callable[[], Any], request: HttpRequest, *, done: str) -> bool:
    """Run ``change`` and tell the person: ``done``, or the reason it was refused."""
    try:
        change()
    except CasesError as refusal:
        messages.error(request, refusal.message)
        return False
    messages.success(request, done)
    return True
