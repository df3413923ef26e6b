"""The table of routes: which action each method of each route needs, and a body that is valid.

A route that is not here fails ``test_every_route_is_in_the_table``.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cases.permissions import CaseAction
from tests.cases.media import wav_bytes

A = CaseAction
PUBLIC = "public"
SIGNED_IN = "signed in"
SITE_ROLE = "administrator or auditor"
Body = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Need:
    """What one method of one route asks for: an action, or one of the standings below.

    ``body``: from the rows of a case to the fields sent; as JSON when ``json``.
    """

    action: CaseAction | str
    body: Body = field(default=lambda _rows: {})
    json: bool = True


def page(action: CaseAction, body: Body = lambda _rows: {}) -> Need:
    """A form sent as a browser does."""
    return Need(action, body, json=False)


def recording(_rows: dict[str, Any]) -> io.BytesIO:
    stream = io.BytesIO(wav_bytes(tone=700))
    stream.name = "new.wav"
    return stream


ROUTES: dict[str, dict[str, Need]] = {
    # pages of a case
    "cases:settings": {
        "get": Need(A.VIEW),
        "post": page(A.MANAGE, lambda r: {"title": "New", "description": ""}),
    },
    "cases:close": {"post": page(A.MANAGE)},
    "cases:reopen": {"post": page(A.MANAGE, lambda r: {"reason": "x"})},
    "cases:upload": {"post": page(A.CONTRIBUTE, lambda r: {"files": recording(r)})},
    "cases:received": {"get": Need(A.VIEW)},
    "cases:people": {
        "get": Need(A.VIEW),
        "post": page(A.MANAGE, lambda r: {"username": "spare", "role": "viewer"}),
    },
    "cases:remove_member": {"post": page(A.MANAGE)},
    "cases:notes": {
        "get": Need(A.VIEW_FINDINGS),
        "post": page(A.ANNOTATE, lambda r: {"text": "x"}),
    },
    "cases:custody": {"get": Need(A.VIEW)},
    "cases:ledger": {"get": Need(A.VIEW)},
    "cases:media": {"get": Need(A.VIEW)},
    "cases:download": {"post": page(A.DOWNLOAD)},
    "cases:verify": {"post": page(A.VERIFY)},
    "cases:exhibit_custody": {"get": Need(A.VIEW)},
    "cases:offer": {
        "post": page(A.TRANSFER, lambda r: {"receiver": r["receiver_id"], "purpose": "x"})
    },
    "cases:give_back": {
        "post": page(A.TRANSFER, lambda r: {"returned_to": "Owner", "purpose": "x"})
    },
    "cases:unfreeze": {"post": page(A.MANAGE, lambda r: {"reason": "x"})},
    "cases:ask_destruction": {
        "post": page(A.DESTROY, lambda r: {"reason": "x", "authority": "x"})
    },
    "cases:holds": {
        "get": Need(A.VIEW),
        "post": page(A.MANAGE, lambda r: {"matter": "x", "reason": "x"}),
    },
    "cases:release_hold": {"post": page(A.MANAGE, lambda r: {"reason": "x"})},
    "cases:answer_destruction": {"post": page(A.DESTROY, lambda r: {"reason": "x"})},
    "cases:end_emergency": {"post": page(A.MANAGE)},
    "cases:certificate": {"get": Need(A.VIEW)},
    "detection:case": {"get": Need(A.VIEW)},
    "detection:case_analyses": {"get": Need(A.VIEW_FINDINGS)},
    "detection:batch": {
        "get": Need(A.VIEW_FINDINGS),
        "post": page(A.ANALYSE, lambda r: {"do": "rerun"}),
    },
    "detection:analyse": {"post": page(A.ANALYSE, lambda r: {"exhibit": 1, "profile": "standard"})},
    "detection:exhibit": {"get": Need(A.VIEW)},
    "detection:analysis": {"get": Need(A.VIEW_FINDINGS)},
    "detection:progress": {"get": Need(A.VIEW_FINDINGS)},
    "detection:rerun": {"post": page(A.ANALYSE)},
    "detection:cancel": {"post": page(A.ANALYSE)},
    "detection:review": {
        "post": page(A.REVIEW, lambda r: {"kind": "opinion", "text": "x", "agrees": "true"})
    },
    "detection:ask_review": {"post": page(A.REVIEW, lambda r: {"reviewer": r["reviewer"].pk})},
    "detection:result_json": {"get": Need(A.VIEW_FINDINGS)},
    "detection:comparison": {"get": Need(A.VIEW_FINDINGS)},
    "detection:artefact": {"get": Need(A.VIEW_FINDINGS)},
    "reports:case_reports": {"get": Need(A.VIEW_FINDINGS)},
    "reports:create_report": {
        "post": page(
            A.EXPORT, lambda r: {"analysis": r["analysis_id"], "kind": "report_html"}
        )
    },
    "reports:create_bundle": {"post": page(A.EXPORT, lambda r: {"purpose": "x"})},
    "reports:download": {"get": Need(A.EXPORT)},
    # the API
    "api:case": {"get": Need(A.VIEW), "patch": Need(A.MANAGE, lambda r: {"title": "New"})},
    "api:case_close": {"post": Need(A.MANAGE)},
    "api:case_reopen": {"post": Need(A.MANAGE, lambda r: {"reason": "x"})},
    "api:members": {
        "get": Need(A.VIEW),
        "post": Need(A.MANAGE, lambda r: {"user": "spare", "role": "viewer"}),
    },
    "api:member": {"delete": Need(A.MANAGE)},
    "api:case_evidence": {
        "get": Need(A.VIEW),
        "post": page(A.CONTRIBUTE, lambda r: {"file": recording(r)}),
    },
    # A list without the notes that a role may not read, rather than a refusal.
    "api:notes": {
        "get": Need(A.VIEW),
        "post": Need(A.ANNOTATE, lambda r: {"text": "x"}),
    },
    "api:case_ledger": {"get": Need(A.VIEW)},
    "api:case_proof": {"post": Need(A.VIEW)},
    "api:exhibit": {"get": Need(A.VIEW)},
    "api:exhibit_content": {"get": Need(A.DOWNLOAD)},
    "api:custody": {"get": Need(A.VIEW)},
    "api:verify": {"post": Need(A.VERIFY)},
    "api:holds": {
        "get": Need(A.VIEW),
        "post": Need(A.MANAGE, lambda r: {"matter": "x", "reason": "x"}),
    },
    "api:transfers": {
        "get": Need(A.VIEW),
        "post": Need(A.TRANSFER, lambda r: {"receiver": "member", "purpose": "x"}),
    },
    "api:analysis": {"get": Need(A.VIEW_FINDINGS)},
    "api:cancel": {"post": Need(A.ANALYSE)},
    "api:rerun": {"post": Need(A.ANALYSE)},
    "api:compare": {"post": Need(A.VIEW_FINDINGS)},
    "api:finding": {"get": Need(A.VIEW_FINDINGS)},
    "api:artefacts": {"get": Need(A.VIEW_FINDINGS)},
    "api:reviews": {
        "get": Need(A.VIEW_FINDINGS),
        "post": Need(A.REVIEW, lambda r: {"kind": "opinion", "text": "x", "agrees": True}),
    },
    "api:review": {"get": Need(A.VIEW_FINDINGS)},
    "api:review_request": {"get": Need(A.VIEW_FINDINGS)},
    "api:review_requests": {
        "get": Need(A.VIEW_FINDINGS),
        "post": Need(A.REVIEW, lambda r: {"reviewer": r["reviewer"].username}),
    },
    "api:artefact": {"get": Need(A.VIEW_FINDINGS)},
    "api:artefact_content": {"get": Need(A.VIEW_FINDINGS)},
    "api:reports": {"post": Need(A.EXPORT, lambda r: {"format": "html"})},
    "api:case_exports": {"get": Need(A.VIEW), "post": Need(A.EXPORT)},
    "api:export": {"get": Need(A.EXPORT)},
    "api:export_content": {"get": Need(A.EXPORT)},
    "status": {"get": Need(A.VIEW_FINDINGS)},
    "api_status": {"get": Need(A.VIEW_FINDINGS)},
    # routes that name no case: what they list is restricted row by row
    "cases:list": {"get": Need(SIGNED_IN)},
    "detection:home": {"get": Need(SIGNED_IN)},
    "detection:search": {"get": Need(SIGNED_IN, lambda r: {"q": r["word"]})},
    "detection:live": {"get": Need(SIGNED_IN)},
    "detection:help": {"get": Need(PUBLIC)},
    "detection:notifications": {"get": Need(SIGNED_IN)},
    "detection:notification_count": {"get": Need(SIGNED_IN)},
    "detection:reviews": {"get": Need(SIGNED_IN)},
    "accounts:keys": {"get": Need(SIGNED_IN)},
    "accounts:security": {"get": Need(SIGNED_IN)},
    "webhooks:list": {"get": Need(SIGNED_IN)},
    "api:webhooks": {"get": Need(SIGNED_IN)},
    "api:me": {"get": Need(SIGNED_IN)},
    "api:cases": {"get": Need(SIGNED_IN)},
    "api:evidence": {"get": Need(SIGNED_IN)},
    "api:ledger": {"get": Need(SITE_ROLE)},
    "api:analyses": {"get": Need(SIGNED_IN)},
    "api:all_reviews": {"get": Need(SIGNED_IN)},
    "api:all_review_requests": {"get": Need(SIGNED_IN)},
    "api:models": {"get": Need(SIGNED_IN)},
    "history": {"get": Need(SIGNED_IN)},
    "models_info": {"get": Need(SIGNED_IN)},
    "api:schema": {"get": Need(PUBLIC)},
    "api:docs": {"get": Need(PUBLIC)},
    "api:redoc": {"get": Need(PUBLIC)},
}  # fmt: skip

# Routes whose answer does not depend on a role in a case; each is tested in its own room.
ELSEWHERE = {
    "cases:create": "anybody but an auditor may open a case: tests/cases/test_people.py",
    "cases:save_view": "a person's own views: tests/web/test_saved_views.py",
    "cases:remove_view": "a person's own views: tests/web/test_saved_views.py",
    "api:transfer": "only the receiver may answer: tests/api/test_keeping.py",
    "cases:transfer": "only the receiver may answer: tests/cases/test_custody.py",
    "detection:compare": "the runs are named in the query: tests/web/test_batch.py",
    "detection:live_session": "a person's own clips: tests/web/test_live_check.py",
    "accounts:new_key": "a person's own keys: tests/accounts",
    "accounts:rotate_key": "a person's own keys: tests/accounts",
    "accounts:revoke_key": "a person's own keys: tests/accounts",
    **dict.fromkeys(
        (
            "webhooks:new",
            "webhooks:detail",
            "webhooks:rotate",
            "webhooks:act",
            "api:webhook",
            "api:webhook_rotate",
            "api:webhook_ping",
            "api:webhook_deliveries",
            "api:redeliver",
        ),
        "a person's own web hooks: tests/webhooks",
    ),
    "api:analyses_batch": "the exhibits are named in the body: tests/api/test_analyses.py",
    "status_multimodal": "the analyses are named in the query: tests/api/test_compat.py",
    "api:tus:uploads": "the case is named in a header: tests/cases/test_uploads.py",
    "api:tus:upload": "only the owner may go on: tests/cases/test_uploads.py",
    **dict.fromkeys(
        (
            "detect_audio",
            "detect_image",
            "detect_video",
            "detect_multimodal",
            "batch",
            "analyze",
            "upload",
            "clear_history",
            "v1_detect_audio",
            "v1_detect_image",
            "v1_detect_video",
            "batch_process",
        ),
        "the file is in the body, the case is the caller's own: tests/api",
    ),
    **dict.fromkeys(
        ("root_health", "root_ready", "api:health", "api:ready", "docs", "redoc"),
        "public, names nothing",
    ),
}
