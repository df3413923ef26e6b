"""Every page that is read with GET, by name: a new page belongs in this list.

``test_every_page_is_in_the_list`` compares the list with the routes.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from django.urls import URLResolver, get_resolver, reverse
from django.urls.converters import IntConverter, StringConverter, UUIDConverter

from accounts.models import ApiKey
from detection.models import Analysis

# Answers to GET that are no pages: files, parts of a page for htmx, addresses that only redirect.
NO_PAGES = {
    "cases:received",
    "cases:media",
    "cases:certificate",
    "detection:notification_count",
    "detection:live_session",
    "detection:progress",
    "detection:result_json",
    "detection:artefact",
    "reports:download",
}
ANY = {UUIDConverter: uuid.uuid4(), IntConverter: 1, StringConverter: "x"}
# Packages' own pages, drawn in our frame; of each kind one is looked at.
ALLAUTH = {
    "password change": "/account/password/change/",
    "mail addresses": "/account/email/",
    "second factor": "/account/2fa/",
    "authenticator app": "/account/2fa/totp/activate/",
    "security keys": "/account/2fa/webauthn/",
    "new security key": "/account/2fa/webauthn/add/",
    "sign out": "/account/logout/",
}
BEFORE_SIGNING_IN = {
    "sign in": "/account/login/",
    "forgotten password": "/account/password/reset/",
    "help": "/help/",
    "nothing here": "/nowhere/",
}


def pages_of_everybody() -> dict[str, str]:
    """Pages that need a sign-in and no case."""
    return {
        "home": "/",
        "cases": "/cases/",
        "case filter": "/cases/?q=doubt&status=open&sort=title",
        "new case": "/cases/new/",
        "search": "/search/?q=call",
        "empty search": "/search/",
        "notifications": "/notifications/",
        "reviews": "/reviews/",
        "live check": "/live/",
        "help": "/help/",
        "keys": "/account/keys/",
        "web hooks": "/account/webhooks/",
        "security": "/account/security/",
    }


def pages_of_a_recent_sign_in(key: ApiKey) -> dict[str, str]:
    """Pages that ask for the password again unless it was given a moment ago."""
    return {
        "new key": "/account/keys/new/",
        "rotate key": f"/account/keys/{key.pk}/rotate/",
        **ALLAUTH,
    }


def pages_of_a_case(finding: Analysis) -> dict[str, str]:
    """Pages inside the case of ``finding``, its exhibit and its analysis."""
    exhibit = finding.exhibit
    case = f"/cases/{exhibit.case.number}/"
    return {
        "evidence": case,
        "analyses": f"{case}analyses/",
        "batch": f"{case}batch/",
        "notes": f"{case}notes/",
        "people": f"{case}people/",
        "custody": f"{case}custody/",
        "holds": f"{case}holds/",
        "exhibit custody": f"{case}exhibits/{exhibit.number}/custody/",
        "ledger": f"{case}ledger/",
        "reports": f"{case}reports/",
        "case settings": f"{case}settings/",
        "exhibit": f"{case}exhibits/{exhibit.number}/",
        "finding": f"/analyses/{finding.pk}/",
    }


def pages_of_two_runs(first: Analysis, second: Analysis) -> dict[str, str]:
    """Two runs over one exhibit, side by side, by either of two addresses."""
    return {
        "comparison": f"/analyses/{first.pk}/compare/{second.pk}/",
        "comparison of several": f"/compare/?run={first.pk}&run={second.pk}",
    }


def our_routes() -> Iterator[tuple[str, str]]:
    """Name and some address of each of the rooms' own routes: no API, no admin, no package."""
    yield from _below(get_resolver(), "", "")


def _below(resolver: URLResolver, prefix: str, space: str) -> Iterator[tuple[str, str]]:
    for item in resolver.url_patterns:
        where = prefix + str(item.pattern)
        if isinstance(item, URLResolver):
            if not where.startswith(("admin/", "api/")):
                yield from _below(item, where, item.namespace or space)
        elif space:
            name = f"{space}:{item.name}"
            values = {key: ANY[type(kind)] for key, kind in item.pattern.converters.items()}
            yield name, reverse(name, kwargs=values)
