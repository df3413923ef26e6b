"""Every page that is read with GET, by name: a new page belongs in this list."""

from __future__ import annotations

from detection.models import Analysis


def pages_of_everybody() -> dict[str, str]:
    """Pages that need a sign-in and no case."""
    return {
        "home": "/",
        "cases": "/cases/",
        "case filter": "/cases/?q=doubt&status=open&sort=title",
        "new case": "/cases/new/",
        "search": "/search/?q=call",
        "notifications": "/notifications/",
        "reviews": "/reviews/",
        "help": "/help/",
        "keys": "/account/keys/",
        "security": "/account/security/",
    }


def pages_of_a_case(finding: Analysis) -> dict[str, str]:
    """Pages inside the case of ``finding``, its exhibit and its analysis."""
    exhibit = finding.exhibit
    case = f"/cases/{exhibit.case.number}/"
    return {
        "evidence": case,
        "analyses": f"{case}analyses/",
        "notes": f"{case}notes/",
        "people": f"{case}people/",
        "custody": f"{case}custody/",
        "holds": f"{case}holds/",
        "exhibit custody": f"{case}exhibits/{exhibit.number}/custody/",
        "ledger": f"{case}ledger/",
        "case settings": f"{case}settings/",
        "exhibit": f"{case}exhibits/{exhibit.number}/",
        "finding": f"/analyses/{finding.pk}/",
    }
