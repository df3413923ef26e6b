"""Writing custody events; only services of this room call it, inside their transaction."""

from __future__ import annotations

from accounts.actors import Actor
from cases.models import CustodyEvent, Exhibit


def log_custody(
    *,
    actor: Actor,
    exhibit: Exhibit,
    kind: CustodyEvent.Kind,
    purpose: str = "",
    authority: str = "",
    result: str = "",
    before: str = "",
    after: str = "",
) -> CustodyEvent:
    """Append one custody event. ``before`` and ``after``: SHA-256 measured at this step."""
    event: CustodyEvent = CustodyEvent.objects.create(
        exhibit=exhibit,
        kind=kind,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label,
        purpose=purpose,
        authority=authority,
        result=result,
        sha256_before=before,
        sha256_after=after,
    )
    return event
