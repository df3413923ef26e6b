"""Notes on cases and exhibits."""

from __future__ import annotations

from django.utils.translation import gettext as _

from accounts.actors import Actor
from audit.actions import Action
from audit.services import append
from audit.transactions import audited
from cases.errors import InvalidInput
from cases.models import Case, Exhibit, Note
from cases.permissions import CaseAction, require
from cases.services.case import lock_open
from cases.stamps import text_sha256
from cases.validation import required_text


def add_note(
    *,
    actor: Actor,
    case: Case,
    text: str,
    exhibit: Exhibit | None = None,
    corrects: Note | None = None,
) -> Note:
    """Add a Markdown note; a correction names the note it corrects, which stays as it is.

    Raises PermissionDenied, CaseClosed, InvalidInput (empty, or rows of another case).
    """
    require(actor, case, CaseAction.ANNOTATE)
    text = required_text(text, "text", limit=100_000)
    for field, row in (("exhibit", exhibit), ("corrects", corrects)):
        if row is not None and row.case_id != case.pk:
            raise InvalidInput(
                field, _("The %(field)s named belongs to another case.") % {"field": field}
            )
    with audited():
        note: Note = Note.objects.create(
            case=lock_open(case),
            exhibit=exhibit,
            corrects=corrects,
            text=text,
            author_kind=actor.kind,
            author_id=actor.id,
            author_label=actor.label,
        )
        append(
            actor=actor,
            action=Action.CASE_NOTE_ADDED,
            subject=note,
            case_id=case.pk,
            payload={
                "text_sha256": text_sha256(text),
                "exhibit": exhibit.number if exhibit else None,
                "corrects": str(corrects.pk) if corrects else None,
            },
        )
    return note
